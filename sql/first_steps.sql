-- A map, a row, a path, an update.
.load build/oocmap
.read sql/lib/check.sql

CREATE VIRTUAL TABLE temp.m USING oocmap('first_steps.ooc', create=1);
INSERT INTO m(key, json) VALUES ('ann', '{"name": "Ann", "profile": {"age": 31}, "tags": ["x", "y"]}');
INSERT INTO m(key, value) VALUES (1, 'John'), (2, 2.5), (3, NULL);

INSERT INTO check_that VALUES ('four entries', (SELECT count(*) FROM m), 4) RETURNING result;
INSERT INTO check_that VALUES ('a scalar is a SQL value', (SELECT value FROM m WHERE key = 1), 'John') RETURNING result;
INSERT INTO check_that VALUES ('a container is JSON text', (SELECT value FROM m WHERE key = 'ann'),
  '{"name":"Ann","profile":{"age":31},"tags":["x","y"]}') RETURNING result;
INSERT INTO check_that VALUES ('a path reads one value', (SELECT oocmap_get(m, '$.profile.age') FROM m WHERE key = 'ann'), 31) RETURNING result;
INSERT INTO check_that VALUES ('types are Python''s', (SELECT group_concat(type) FROM m), 'dict,str,float,NoneType') RETURNING result;

CREATE VIRTUAL TABLE temp.people USING oocmap('first_steps.ooc', name TEXT PATH '$.name', age INTEGER PATH '$.profile.age');
UPDATE people SET age = 32 WHERE key = 'ann';
INSERT INTO check_that VALUES ('an update of a column sets its path', (SELECT json FROM m WHERE key = 'ann'),
  '{"name":"Ann","profile":{"age":32},"tags":["x","y"]}') RETURNING result;
