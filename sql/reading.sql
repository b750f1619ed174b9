-- Keys, order, ranges, plans.
.load build/oocmap
.read sql/lib/check.sql

CREATE VIRTUAL TABLE temp.m USING oocmap('reading.ooc', create=1);
INSERT INTO m(key, value) VALUES ('b', 1), (3, 2), ('a', 3), (1.5, 4), (X'00', 5), (1, 6), ('ab', 7);

INSERT INTO check_that VALUES ('a scan is in insertion order', (SELECT group_concat(value, '') FROM m), '1234567') RETURNING result;
INSERT INTO check_that VALUES ('ORDER BY key is SQL''s order',
  (SELECT group_concat(value, '') FROM (SELECT value FROM m ORDER BY key)), '6423715') RETURNING result;
INSERT INTO check_that VALUES ('and backwards',
  (SELECT group_concat(value, '') FROM (SELECT value FROM m ORDER BY key DESC)), '5173246') RETURNING result;
INSERT INTO check_that VALUES ('a range of numbers', (SELECT group_concat(value, '') FROM m WHERE key > 1 AND key <= 3), '42') RETURNING result;
INSERT INTO check_that VALUES ('a range of text', (SELECT group_concat(value, '') FROM m WHERE key >= 'a' AND key < 'b'), '37') RETURNING result;
INSERT INTO check_that VALUES ('a prefix', (SELECT group_concat(value, '') FROM m WHERE key GLOB 'a*'), '37') RETURNING result;
INSERT INTO check_that VALUES ('a list of keys', (SELECT group_concat(value, '') FROM m WHERE key IN ('b', 1.0, 'nope')), '61') RETURNING result;
INSERT INTO check_that VALUES ('another collation', (SELECT count(*) FROM m WHERE key = 'A' COLLATE NOCASE), 1) RETURNING result;
INSERT INTO check_that VALUES ('a page', (SELECT group_concat(value, '') FROM (SELECT value FROM m ORDER BY key LIMIT 2 OFFSET 1)), '42') RETURNING result;
INSERT INTO check_that VALUES ('types of keys', (SELECT group_concat(key_type) FROM m), 'str,int,str,float,bytes,int,str') RETURNING result;

EXPLAIN QUERY PLAN SELECT * FROM m;
EXPLAIN QUERY PLAN SELECT * FROM m WHERE key = 5;
EXPLAIN QUERY PLAN SELECT * FROM m WHERE key > 5 ORDER BY key LIMIT 3;
