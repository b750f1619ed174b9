-- oocmap_get and its relatives, oocmap_each, ->>.
.load build/oocmap
.read sql/lib/check.sql

CREATE VIRTUAL TABLE temp.m USING oocmap('nested.ooc', create=1);
INSERT INTO m(key, json) VALUES ('d', '{"user": {"name": "Ann", "odd name": 5}, "list": [10, [20, 21], {"x": null}], "big": 123456789012345678901234567890}');

INSERT INTO check_that SELECT 'a name', oocmap_get(m, '$.user.name'), 'Ann' FROM m RETURNING result;
INSERT INTO check_that SELECT 'an odd name', oocmap_get(m, '$.user."odd name"'), 5 FROM m RETURNING result;
INSERT INTO check_that SELECT 'an index', oocmap_get(m, '$.list[1][0]'), 20 FROM m RETURNING result;
INSERT INTO check_that SELECT 'an index from the end', oocmap_get(m, '$.list[#-2]'), '[20,21]' FROM m RETURNING result;
INSERT INTO check_that SELECT 'a missing path', oocmap_get(m, '$.user.nope.deeper'), NULL FROM m RETURNING result;
INSERT INTO check_that SELECT 'several paths', oocmap_get(m, '$.user.name', '$.nope', '$.list[0]'), '["Ann",null,10]' FROM m RETURNING result;
INSERT INTO check_that SELECT 'an exact integer', oocmap_get(m, '$.big'), '123456789012345678901234567890' FROM m RETURNING result;
INSERT INTO check_that SELECT 'JSON text of a scalar', oocmap_json(m, '$.user.name'), '"Ann"' FROM m RETURNING result;
INSERT INTO check_that SELECT 'a type', oocmap_type(m, '$.list'), 'list' FROM m RETURNING result;
INSERT INTO check_that SELECT 'a length', oocmap_len(m, '$.list'), 3 FROM m RETURNING result;
INSERT INTO check_that SELECT 'a handle inside', oocmap_get(oocmap_ref(m, '$.user'), '$.name'), 'Ann' FROM m RETURNING result;
INSERT INTO check_that SELECT 'an arrow', m ->> '$.user.name', 'Ann' FROM m RETURNING result;
INSERT INTO check_that SELECT 'JSON text instead of a handle', oocmap_get('{"a": [1, 2]}', '$.a[#-1]'), 2 RETURNING result;
INSERT INTO check_that SELECT 'the members of a list', (SELECT group_concat(e.fullkey || '=' || e.value) FROM oocmap_each(m.m, '$.list') e),
  '$.list[0]=10,$.list[1]=[20,21],$.list[2]={"x":null}' FROM m RETURNING result;
INSERT INTO check_that SELECT 'members of members', (SELECT group_concat(i.value) FROM oocmap_each(m.m, '$.list') e, oocmap_each(e.ref) i),
  '10,20,21' FROM m RETURNING result;
