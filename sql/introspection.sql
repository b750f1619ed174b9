-- What a query reads, by oocmap_debug().
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
