-- One check a line:  INSERT INTO check_that VALUES ('what is checked', got, wanted) RETURNING result;
-- prints "ok   what is checked", or FAIL with both values.
CREATE TEMP TABLE check_that(name TEXT, got, wanted, result TEXT AS (
  iif(got IS wanted, 'ok   ' || name, 'FAIL ' || name || ': got ' || quote(got) || ', wanted ' || quote(wanted))));
