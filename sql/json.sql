-- Beside SQLite's JSON functions: the same answers, the few that differ, and its aggregates over a map.
.load build/oocmap
.read sql/lib/check.sql

CREATE VIRTUAL TABLE temp.m USING oocmap('json.ooc', create=1);
INSERT INTO m(key, json) VALUES ('a', '{"n": 1, "list": [1, "two", null, {"x": true}]}'), ('b', '[]'), ('c', '"text"');

-- Paths, from the handle and from the text.
CREATE TEMP TABLE path(p);
INSERT INTO path VALUES ('$'), ('$.n'), ('$.list'), ('$.list[1]'), ('$.list[#-1].x'), ('$.list[7]'), ('$.nope.deeper'), ('$."n"'), ('$[0]');
INSERT INTO check_that SELECT 'oocmap_get is json_extract: ' || p, oocmap_get(m, p), json_extract(json, p) FROM m, path WHERE key = 'a' RETURNING result;
INSERT INTO check_that SELECT 'and on text: ' || p, oocmap_get(json, p), json_extract(json, p) FROM m, path WHERE key = 'a' RETURNING result;
INSERT INTO check_that SELECT 'json_each', (SELECT group_concat(e.key || e.fullkey || quote(e.atom)) FROM oocmap_each(m.m, '$.list') e),
  (SELECT group_concat(e.key || e.fullkey || quote(e.atom)) FROM json_each(m.json, '$.list') e) FROM m WHERE key = 'a' RETURNING result;

-- What differs (docs/sql.md says why).
INSERT INTO check_that VALUES ('a key twice: the last', oocmap_get('{"a": 1, "a": 2}', '$.a'), 2) RETURNING result;
INSERT INTO check_that VALUES ('SQLite: the first', json_extract('{"a": 1, "a": 2}', '$.a'), 1) RETURNING result;
INSERT INTO check_that VALUES ('a big int is exact', oocmap_get('98765432109876543210', '$'), '98765432109876543210') RETURNING result;
INSERT INTO check_that VALUES ('SQLite: a REAL', json_extract('98765432109876543210', '$'), 98765432109876543210.0) RETURNING result;
INSERT INTO check_that VALUES ('floats are the shortest text', oocmap_get('[0.10, 1E2]', '$'), '[0.1,100.0]') RETURNING result;
INSERT INTO check_that VALUES ('[literal] on a list', oocmap_get('[5]', '$[-1]'), NULL) RETURNING result;

-- Aggregates.
INSERT INTO check_that SELECT 'json_group_array', json_group_array(json(json)), '["text",[],{"n":1,"list":[1,"two",null,{"x":true}]}]'
  FROM (SELECT json FROM m ORDER BY key DESC) RETURNING result;
INSERT INTO check_that SELECT 'json_group_object', json_group_object(key, json(json)), '{"b":[],"c":"text"}' FROM m WHERE key > 'a' RETURNING result;
INSERT INTO check_that SELECT 'the way back', oocmap_get(j, '$.c'), 'text' FROM (SELECT json_group_object(key, json(json)) AS j FROM m) RETURNING result;
