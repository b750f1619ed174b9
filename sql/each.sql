-- A row for every member of a list inside every entry: each='$.path'.
.load build/oocmap
.read sql/lib/check.sql

CREATE VIRTUAL TABLE temp.orders USING oocmap('each.ooc', create=1);
INSERT INTO orders(key, json) VALUES
  (1, '{"who": "ann", "lines": [{"sku": "tea", "qty": 2}, {"sku": "cup", "qty": 1}], "notes": {"a": "x", "b": "y"}}'),
  (2, '{"who": "bob", "lines": []}'),
  (3, '{"who": "cy"}');
CREATE VIRTUAL TABLE temp.lines USING oocmap('each.ooc', each='$.lines', flat=1, sku TEXT PATH '$.sku', qty INTEGER PATH '$.qty');
CREATE VIRTUAL TABLE temp.notes USING oocmap('each.ooc', each='$.notes');

INSERT INTO check_that VALUES ('a row a member', (SELECT group_concat(key || '.' || item || ' ' || sku) FROM lines), '1.0 tea,1.1 cup') RETURNING result;
INSERT INTO check_that VALUES ('the names of a dict', (SELECT group_concat(item || '=' || value) FROM notes), 'a=x,b=y') RETURNING result;
INSERT INTO check_that VALUES ('a join with the entries', (SELECT group_concat(o.key || ' ' || l.qty) FROM orders AS o JOIN lines AS l ON l.key = o.key AND l.item = 1), '1 1') RETURNING result;
INSERT INTO lines(key, sku, qty) VALUES (2, 'pot', 1), (3, 'tea', 5);
INSERT INTO check_that VALUES ('INSERT appends', (SELECT json FROM orders WHERE key = 2), '{"who":"bob","lines":[{"sku":"pot","qty":1}]}') RETURNING result;
INSERT INTO check_that VALUES ('INSERT makes the list', (SELECT json FROM orders WHERE key = 3), '{"who":"cy","lines":[{"sku":"tea","qty":5}]}') RETURNING result;
UPDATE lines SET qty = qty * 10 WHERE sku = 'tea';
INSERT INTO check_that VALUES ('UPDATE writes in place', (SELECT group_concat(sku || qty) FROM (SELECT sku, sum(qty) AS qty FROM lines GROUP BY sku ORDER BY sku)), 'cup1,pot1,tea70') RETURNING result;
UPDATE notes SET item = 'c' WHERE item = 'a';
DELETE FROM notes WHERE value = 'y';
INSERT INTO check_that VALUES ('a dict has names to change', (SELECT oocmap_json(orders, '$.notes') FROM orders WHERE key = 1), '{"c":"x"}') RETURNING result;
INSERT INTO check_that VALUES ('rowid names one row', (SELECT count(*) FROM lines AS a JOIN lines AS b ON a.rowid = b.rowid), 4) RETURNING result;

-- What cannot be.
DELETE FROM lines WHERE key = 1;
UPDATE lines SET key = 2 WHERE key = 1;
INSERT INTO lines(sku) VALUES ('of no order');
INSERT INTO lines(key, item, sku) VALUES (1, 0, 'there');
INSERT INTO lines(key, item, sku) VALUES (1, 7, 'too far');
CREATE VIRTUAL TABLE temp.bad USING oocmap('each.ooc', each='lines');
