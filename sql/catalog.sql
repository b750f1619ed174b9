-- Tables and views kept in a database file, as a BI tool uses them: the file is opened again between.
.load build/oocmap
.open catalog.db
.load build/oocmap
CREATE VIRTUAL TABLE people USING oocmap('catalog.ooc', create=1, flat=1, name TEXT PATH '$.name', age INTEGER PATH '$.age', city TEXT PATH '$.home.city');
INSERT INTO people(key, name, age, city) VALUES (1, 'Ann', 31, 'Rome'), (2, 'Bob', 25, 'Oslo'), (3, 'Cy', 40, 'Rome');
CREATE VIEW romans AS SELECT name, age FROM people WHERE city = 'Rome';

.open catalog.db
.load build/oocmap
.read sql/lib/check.sql
INSERT INTO check_that VALUES ('a view over the table', (SELECT group_concat(name) FROM romans), 'Ann,Cy') RETURNING result;
INSERT INTO check_that VALUES ('an aggregate', (SELECT group_concat(city || ':' || n) FROM (SELECT city, count(*) AS n FROM people GROUP BY city)), 'Oslo:1,Rome:2') RETURNING result;
INSERT INTO check_that VALUES ('what a tool sees', (SELECT group_concat(name || ' ' || type) FROM pragma_table_info('people')), 'key ,name TEXT,age INTEGER,city TEXT') RETURNING result;
CREATE TABLE exported AS SELECT * FROM people ORDER BY age;
INSERT INTO check_that VALUES ('an export for tools without extensions', (SELECT group_concat(name) FROM exported), 'Bob,Ann,Cy') RETURNING result;
CREATE VIRTUAL TABLE outside USING oocmap('/etc/passwd');
SELECT oocmap_allow('/var/lib/maps');
CREATE VIEW sly AS SELECT oocmap_allow('/etc');
SELECT * FROM sly;
DROP TABLE people;
.shell ls catalog.ooc
