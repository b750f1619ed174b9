-- What goes wrong, and how it says so. The errors stand in the output.
.load build/oocmap
.read sql/lib/check.sql

CREATE VIRTUAL TABLE temp.m USING oocmap(data.ooc);
CREATE VIRTUAL TABLE temp.m USING oocmap('missing.ooc');
CREATE VIRTUAL TABLE temp.m USING oocmap('.');
CREATE VIRTUAL TABLE temp.m USING oocmap('errors.ooc', create=1, roots='$.x');
CREATE VIRTUAL TABLE temp.m USING oocmap('errors.ooc', create=1, root='$.a[');
CREATE VIRTUAL TABLE temp.m USING oocmap('errors.ooc', create=1, name TEXT PATH name);
CREATE VIRTUAL TABLE temp.m USING oocmap('errors.ooc', create=1, name TEXT);
CREATE VIRTUAL TABLE temp.m USING oocmap('errors.ooc', create=1,);
.shell test ! -e errors.ooc && echo "ok   no file is made by a table that is refused"

CREATE VIRTUAL TABLE temp.m USING oocmap('errors.ooc', create=1);
INSERT INTO m(key, json) VALUES ('k', '{"a": 1}');
INSERT INTO m(key, json) VALUES ('bad', '{"a": }');
INSERT INTO m(key, value) VALUES ('bad', CAST(X'ff' AS TEXT));
INSERT INTO m(key, value, type) VALUES ('bad', '{}', 'dict');
INSERT INTO m(key, key_type) VALUES ('bad', 'int');
INSERT INTO m(m) VALUES ('nope');
INSERT INTO m(m) VALUES (NULL);
SELECT oocmap_get();
SELECT oocmap_get(m, 'a.b') FROM m;
SELECT oocmap_get(m, '$.a..b') FROM m;
SELECT oocmap_get('{"a": ', '$');
SELECT oocmap_get(X'0102');
SELECT oocmap_ref('{}');
CREATE VIRTUAL TABLE temp.nowhere USING oocmap('errors.ooc', root='$.nope');
SELECT * FROM nowhere;
INSERT INTO check_that VALUES ('nothing was written', (SELECT count(*) FROM m), 1) RETURNING result;
