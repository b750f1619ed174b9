-- INSERT, UPDATE, DELETE, constraints, named columns, lists, references.
.load build/oocmap
.read sql/lib/check.sql

CREATE VIRTUAL TABLE temp.m USING oocmap('writing.ooc', create=1);
CREATE VIRTUAL TABLE temp.p USING oocmap('writing.ooc', name TEXT PATH '$.name', age INTEGER PATH '$.profile.age', tag PATH '$.tags[0]');

INSERT INTO m(key, value) VALUES ('text', '[1]');
INSERT INTO m(key, json) VALUES ('list', '[1]');
INSERT INTO check_that VALUES ('value is never parsed, json is', (SELECT group_concat(type) FROM m), 'str,list') RETURNING result;

INSERT INTO p(key, name, age) VALUES ('ann', 'Ann', 31), ('bob', 'Bob', NULL);
INSERT INTO check_that VALUES ('named columns make a dict', (SELECT json FROM m WHERE key = 'ann'), '{"name":"Ann","profile":{"age":31}}') RETURNING result;
INSERT INTO check_that VALUES ('NULL leaves one out', (SELECT json FROM m WHERE key = 'bob'), '{"name":"Bob"}') RETURNING result;
UPDATE p SET age = 5 WHERE key = 'bob';
INSERT INTO check_that VALUES ('missing dicts are made', (SELECT json FROM m WHERE key = 'bob'), '{"name":"Bob","profile":{"age":5}}') RETURNING result;
UPDATE p SET name = 'Robert', tag = 'x' WHERE key = 'bob';
INSERT INTO check_that VALUES ('a row that fails is not written at all', (SELECT name FROM p WHERE key = 'bob'), 'Bob') RETURNING result;

INSERT INTO m(key, value) VALUES ('new', 1), ('ann', 2);
INSERT INTO check_that VALUES ('a statement that fails is undone', (SELECT count(*) FROM m WHERE key = 'new'), 0) RETURNING result;
INSERT OR IGNORE INTO m(key, value) VALUES ('new', 1), ('text', 2);
INSERT INTO check_that VALUES ('OR IGNORE', (SELECT group_concat(value) FROM m WHERE key IN ('new', 'text')), '1,[1]') RETURNING result;
INSERT OR REPLACE INTO m(key, value) VALUES ('text', 'replaced');
INSERT INTO check_that VALUES ('OR REPLACE keeps the place', (SELECT key FROM m LIMIT 1), 'text') RETURNING result;
INSERT INTO m(key, value) VALUES (NULL, 1);

UPDATE m SET key = 'annie' WHERE key = 'ann';
INSERT INTO check_that VALUES ('a key is changed in its place', (SELECT group_concat(key) FROM m), 'text,list,annie,bob,new') RETURNING result;
INSERT INTO m(key, value) SELECT 'alias', m FROM m WHERE key = 'bob';
UPDATE p SET age = 6 WHERE key = 'alias';
INSERT INTO check_that VALUES ('a reference is shared', (SELECT age FROM p WHERE key = 'bob'), 6) RETURNING result;

CREATE VIRTUAL TABLE temp.l USING oocmap('writing.ooc', root='$.list');
INSERT INTO l(value) VALUES (2), (3);
UPDATE l SET value = value * 10 WHERE key > 0;
INSERT INTO check_that VALUES ('a list is appended to and set', (SELECT json FROM m WHERE key = 'list'), '[1,20,30]') RETURNING result;
DELETE FROM l WHERE key = 0;

DELETE FROM m WHERE type = 'dict';
INSERT INTO check_that VALUES ('what is left', (SELECT group_concat(key) FROM m), 'text,list,new') RETURNING result;

-- At a path inside a value.
INSERT INTO m(key, json) VALUES ('inside', '{"a": {"b": 1}, "list": [1, 2]}');
UPDATE m SET path = '$.a.b', value = 5 WHERE key = 'inside';
UPDATE m SET path = '$.made.here', json = '[true]' WHERE key = 'inside';
UPDATE m SET path = '$.list[#-1]', value = 'last' WHERE key = 'inside';
INSERT INTO check_that VALUES ('a path inside', (SELECT json FROM m WHERE key = 'inside'), '{"a":{"b":5},"list":[1,"last"],"made":{"here":[true]}}') RETURNING result;
UPDATE m SET path = '$.list[7]', value = 0 WHERE key = 'inside';
UPDATE m SET path = '$.a' WHERE key = 'inside';
DELETE FROM m WHERE path = '$.a';
SELECT * FROM m('$.a');
