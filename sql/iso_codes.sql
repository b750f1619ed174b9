-- Debian's iso-codes: countries joined with their subdivisions, through projected columns.
.load build/oocmap
.read sql/lib/check.sql

CREATE VIRTUAL TABLE temp.iso USING oocmap('iso.ooc', create=1);
INSERT INTO iso(key, json) SELECT '3166-1', readfile('/usr/share/iso-codes/json/iso_3166-1.json') -> '$."3166-1"';
INSERT INTO iso(key, json) SELECT '3166-2', readfile('/usr/share/iso-codes/json/iso_3166-2.json') -> '$."3166-2"';

CREATE VIRTUAL TABLE temp.countries USING oocmap('iso.ooc', root='$."3166-1"', flat=1, code TEXT PATH '$.alpha_2', name TEXT PATH '$.name', flag TEXT PATH '$.flag');
CREATE VIRTUAL TABLE temp.subdivisions USING oocmap('iso.ooc', root='$."3166-2"', flat=1, code TEXT PATH '$.code', name TEXT PATH '$.name', kind TEXT PATH '$.type');

INSERT INTO check_that VALUES ('countries', (SELECT count(*) > 240 FROM countries), 1) RETURNING result;
INSERT INTO check_that VALUES ('subdivisions', (SELECT count(*) > 4000 FROM subdivisions), 1) RETURNING result;
INSERT INTO check_that VALUES ('the length without a scan', (SELECT oocmap_len(iso) = (SELECT count(*) FROM subdivisions) FROM iso WHERE key = '3166-2'), 1) RETURNING result;
INSERT INTO check_that VALUES ('a join', (SELECT count(*) FROM countries c JOIN subdivisions s ON s.code GLOB c.code || '-*' WHERE c.name = 'Germany' AND s.kind = 'Land'), 16) RETURNING result;
INSERT INTO check_that VALUES ('a path into it', (SELECT oocmap_get(iso, '$[0].alpha_2') FROM iso WHERE key = '3166-1'), (SELECT code FROM countries WHERE key = 0)) RETURNING result;
INSERT INTO check_that VALUES ('its members', (SELECT group_concat(e.key) FROM countries c, oocmap_each(c.countries) e WHERE c.code = 'DE' AND e.key LIKE 'alpha%'), 'alpha_2,alpha_3') RETURNING result;
INSERT INTO check_that VALUES ('all of it comes back', (SELECT value = readfile('/usr/share/iso-codes/json/iso_3166-1.json') ->> '$."3166-1"' FROM iso WHERE key = '3166-1'), 1) RETURNING result;
