-- A value and all below it by oocmap_tree; the columns there could be, by oocmap_schema; what a query reads, by oocmap_debug().
.load build/oocmap
.read sql/lib/check.sql

CREATE VIRTUAL TABLE temp.m USING oocmap('introspection.ooc', create=1, name TEXT PATH '$.name');
INSERT INTO m(key, json) VALUES ('a', '{"name": "Ann", "tags": [1, [2]]}'), ('b', '{"name": "Bob"}'), ('c', '[]');

-- Each query is run between two readings of the counters.
CREATE TEMP TABLE before(d);
CREATE TEMP VIEW added AS SELECT now.key AS counter, now.value - old.value AS n
  FROM json_each(oocmap_debug()) AS now, before, json_each(before.d) AS old
 WHERE now.key = old.key AND now.type = 'integer' AND now.value <> old.value;
CREATE TEMP VIEW report AS SELECT group_concat(counter || ' ' || n, ', ') AS text FROM added;

INSERT INTO before VALUES (oocmap_debug());
SELECT key, type FROM m;
INSERT INTO check_that VALUES ('keys and types render nothing', (SELECT text FROM report), 'cursors_opened 1, rows_visited 3') RETURNING result;

UPDATE before SET d = oocmap_debug();
SELECT name FROM m;
INSERT INTO check_that VALUES ('a named column reads its path',
  (SELECT text FROM report), 'cursors_opened 1, rows_visited 3, paths_followed 3, values_rendered 2') RETURNING result;

UPDATE before SET d = oocmap_debug();
SELECT key FROM m WHERE key = 'b';
INSERT INTO check_that VALUES ('a key is looked up', (SELECT text FROM report), 'cursors_opened 1, rows_visited 1') RETURNING result;

UPDATE before SET d = oocmap_debug();
SELECT value FROM m WHERE key = 'b';
INSERT INTO check_that VALUES ('a whole value is rendered', (SELECT text FROM report),
  'cursors_opened 1, rows_visited 1, values_rendered 1, containers_rendered 1, json_bytes 14') RETURNING result;

SELECT t.id, t.parent, t.fullkey, t.type, t.atom FROM m, oocmap_tree(m.m) AS t WHERE m.key = 'a';
INSERT INTO check_that VALUES ('the rows are json_tree''s',
  (SELECT group_concat(t.fullkey || ' ' || t.path || ' ' || ifnull(t.atom, '-')) FROM m, oocmap_tree(m.m) AS t),
  (SELECT group_concat(t.fullkey || ' ' || t.path || ' ' || ifnull(t.atom, '-')) FROM m, json_tree(m.json) AS t)) RETURNING result;
INSERT INTO check_that VALUES ('where a value is found',
  (SELECT t.fullkey FROM m, oocmap_tree(m.m) AS t WHERE t.atom = 2), '$.tags[1][0]') RETURNING result;

UPDATE before SET d = oocmap_debug();
SELECT t.fullkey FROM m, oocmap_tree(m.m, '$.tags') AS t WHERE m.key = 'a' LIMIT 2;
INSERT INTO check_that VALUES ('a tree is read as far as it is asked for', (SELECT text FROM report),
  'cursors_opened 2, rows_visited 1, member_rows 2, paths_followed 1, handles_made 1') RETURNING result;

DELETE FROM m;
INSERT INTO m(key, json) VALUES ('people', '{"ann": {"name": "Ann", "home": {"city": "Rome"}}, "bob": {"name": "Bob", "age": 5}}');
SELECT oocmap_schema('temp.people', 'introspection.ooc', '$.people');
.once create_people.sql
SELECT oocmap_schema('temp.people', 'introspection.ooc', '$.people') || ';';
.read create_people.sql
SELECT key, name, home_city, age FROM people;
INSERT INTO check_that VALUES ('its columns have types',
  (SELECT group_concat(name || ' ' || type) FROM pragma_table_info('people') WHERE cid > 2),
  'name TEXT,home_city TEXT,age INTEGER') RETURNING result;

INSERT INTO check_that VALUES ('a file''s figures', (SELECT oocmap_stats(m) ->> '$.entries' FROM m), 1) RETURNING result;
INSERT INTO m(key, json)
  SELECT 'big', json_group_array(json_array(value)) FROM (WITH RECURSIVE n(value) AS (SELECT 0 UNION ALL SELECT value + 1 FROM n WHERE value < 4999) SELECT value FROM n);
INSERT INTO m(m) VALUES ('optimize');
DELETE FROM m;
INSERT INTO m(m) VALUES ('stats');
INSERT INTO check_that VALUES ('a large value is freed bit by bit', (SELECT oocmap_debug() ->> '$.stats.graveyard' > 0), 1) RETURNING result;
INSERT INTO m(m) VALUES ('optimize');
INSERT INTO m(m) VALUES ('stats');
INSERT INTO check_that VALUES ('or at once', (SELECT oocmap_debug() ->> '$.stats.graveyard'), 0) RETURNING result;
