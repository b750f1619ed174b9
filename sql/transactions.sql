-- COMMIT, ROLLBACK, savepoints, failing statements.
.load build/oocmap
.read sql/lib/check.sql

CREATE VIRTUAL TABLE temp.m USING oocmap('transactions.ooc', create=1);
CREATE VIRTUAL TABLE temp.again USING oocmap('transactions.ooc');

BEGIN;
INSERT INTO m(key) VALUES ('a');
INSERT INTO again(key) VALUES ('b');
INSERT INTO check_that VALUES ('two tables, one transaction', (SELECT count(*) FROM m), 2) RETURNING result;
ROLLBACK;
INSERT INTO check_that VALUES ('ROLLBACK', (SELECT count(*) FROM again), 0) RETURNING result;

BEGIN;
INSERT INTO m(key) VALUES ('a');
SAVEPOINT one;
INSERT INTO m(key) VALUES ('b');
SAVEPOINT two;
INSERT INTO m(key) VALUES ('c');
ROLLBACK TO one;
INSERT INTO m(key) VALUES ('d');
RELEASE one;
COMMIT;
INSERT INTO check_that VALUES ('savepoints', (SELECT group_concat(key, '') FROM m), 'ad') RETURNING result;

BEGIN;
INSERT INTO m(key) VALUES ('e');
INSERT INTO m(key) VALUES ('f'), ('a');
COMMIT;
INSERT INTO check_that VALUES ('a failing statement undoes itself alone', (SELECT group_concat(key, '') FROM m), 'ade') RETURNING result;

BEGIN;
INSERT INTO m(m) VALUES ('lock');
UPDATE m SET value = (SELECT count(*) FROM m) WHERE key = 'a';
COMMIT;
INSERT INTO check_that VALUES ('the lock, then read and write', (SELECT value FROM m WHERE key = 'a'), 3) RETURNING result;
