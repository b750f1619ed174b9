-- Rows without a table: FROM oocmap('file', '$.path').
.load build/oocmap
.read sql/lib/check.sql

CREATE VIRTUAL TABLE temp.a USING oocmap('a.ooc', create=1);
CREATE VIRTUAL TABLE temp.b USING oocmap('b.ooc', create=1);
INSERT INTO a(key, json) VALUES ('x', '{"tags": ["p", "q"]}'), ('y', '2');
INSERT INTO b(key, value) VALUES ('y', 3), (7, 'seven');
DROP TABLE a;
DROP TABLE b;

INSERT INTO check_that VALUES ('a file', (SELECT group_concat(key || '=' || value) FROM oocmap('b.ooc')), 'y=3,7=seven') RETURNING result;
INSERT INTO check_that VALUES ('a place in it', (SELECT group_concat(value) FROM oocmap('a.ooc', '$.x.tags')), 'p,q') RETURNING result;
INSERT INTO check_that VALUES ('one key', (SELECT type FROM oocmap('b.ooc') WHERE key = 7), 'str') RETURNING result;
INSERT INTO check_that VALUES ('paths', (SELECT oocmap_get(oocmap, '$.tags[#-1]') FROM oocmap('a.ooc') WHERE key = 'x'), 'q') RETURNING result;
CREATE TABLE files(name);
INSERT INTO files VALUES ('a.ooc'), ('b.ooc'), (NULL);
INSERT INTO check_that VALUES ('many files', (SELECT group_concat(f.name || ':' || o.value) FROM files AS f, oocmap(f.name) AS o WHERE o.key = 'y'), 'a.ooc:2,b.ooc:3') RETURNING result;
INSERT INTO check_that VALUES ('two files compared', (SELECT group_concat(x.key) FROM oocmap('a.ooc') AS x JOIN oocmap('b.ooc') AS y ON y.key = x.key), 'y') RETURNING result;
CREATE TEMP VIEW mine AS SELECT count(*) AS n FROM oocmap('a.ooc');
INSERT INTO check_that VALUES ('a view of its own', (SELECT n FROM mine), 2) RETURNING result;

-- What cannot be.
CREATE VIEW stored AS SELECT * FROM oocmap('a.ooc');
SELECT * FROM stored;
SELECT * FROM oocmap('missing.ooc');
.shell test ! -e missing.ooc && echo "ok   no file is made"
SELECT * FROM oocmap;
SELECT * FROM oocmap('a.ooc', '$.nope');
INSERT INTO oocmap(key, value, file) VALUES (1, 2, 'a.ooc');
