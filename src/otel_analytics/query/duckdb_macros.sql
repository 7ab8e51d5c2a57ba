-- What Athena means where DuckDB means something else; the bridges write calls of these.
-- `typeof` is known when a query is bound, so the branches not taken cost nothing.

-- Integers divide as integers. DECIMALs give the larger scale of both, as `a + b` has, rounded half
-- up; the quotient comes as a DOUBLE, and the factor lifts ties that it holds a bit too small.
CREATE OR REPLACE MACRO athena_divide(a, b) AS CASE
    WHEN typeof(a + b) LIKE 'DECIMAL%' AND b = 0
    THEN error('DIVISION_BY_ZERO: Division by zero')
    WHEN typeof(a + b) LIKE 'DECIMAL%'
    THEN cast_to_type((a / b) * 1.000000000000001e0, a + b)
    WHEN typeof(a + b) IN ('DOUBLE', 'FLOAT')
    THEN cast_to_type(a / b, a + b)
    ELSE cast_to_type(a // b, a + b) END;

CREATE OR REPLACE MACRO athena_subtract(a, b) AS CASE
    WHEN typeof(a) = 'DATE' AND typeof(b) = 'DATE'
    THEN error('NOT_SUPPORTED: DATE - DATE is an interval in Athena: use date_diff')
    ELSE a - b END;

CREATE OR REPLACE MACRO athena_average_of(x) AS CASE
    WHEN typeof(x) LIKE 'DECIMAL%'
    THEN error('NOT_SUPPORTED: avg of a DECIMAL is rounded in Athena: CAST it to DOUBLE')
    ELSE x END;

-- A cast to an integer rounds half away from zero, and takes no text such as '2.5'.
CREATE OR REPLACE MACRO athena_is_whole(text) AS regexp_full_match(text, '[+-]?[0-9]+');

CREATE OR REPLACE MACRO athena_whole(x) AS CASE
    WHEN typeof(x) IN ('DOUBLE', 'FLOAT') THEN cast_to_type(round(TRY_CAST(x AS DOUBLE)), x)
    WHEN typeof(x) = 'VARCHAR' AND NOT athena_is_whole(CAST(x AS VARCHAR))
    THEN error('INVALID_CAST_ARGUMENT: Cannot cast ''' || CAST(x AS VARCHAR) || ''' to an integer')
    ELSE x END;

CREATE OR REPLACE MACRO athena_whole_or_null(x) AS CASE
    WHEN typeof(x) IN ('DOUBLE', 'FLOAT') THEN cast_to_type(round(TRY_CAST(x AS DOUBLE)), x)
    WHEN typeof(x) = 'VARCHAR' AND NOT athena_is_whole(CAST(x AS VARCHAR)) THEN NULL
    ELSE x END;

-- The pattern without digits first: it is many times faster and nearly always enough.
CREATE OR REPLACE MACRO athena_is_day(text) AS
    text LIKE '____-__-__' OR regexp_full_match(trim(text), '[0-9]+-[0-9]{1,2}-[0-9]{1,2}');

CREATE OR REPLACE MACRO athena_day(x) AS CASE
    WHEN typeof(x) = 'VARCHAR' AND NOT athena_is_day(CAST(x AS VARCHAR))
    THEN error('INVALID_CAST_ARGUMENT: Value cannot be cast to date: ' || CAST(x AS VARCHAR))
    ELSE x END;

CREATE OR REPLACE MACRO athena_day_or_null(x) AS CASE
    WHEN typeof(x) = 'VARCHAR' AND NOT athena_is_day(CAST(x AS VARCHAR)) THEN NULL
    ELSE x END;

-- A cast to VARCHAR: a TIMESTAMP has three digits of a second; a DOUBLE has an exponent, in Java's
-- manner, below 0.001 and from 10,000,000 on.
CREATE OR REPLACE MACRO athena_milliseconds(text) AS
    left(text || CASE WHEN contains(text, '.') THEN '00' ELSE '.000' END, 23);

CREATE OR REPLACE MACRO athena_double_text(x) AS CASE
    WHEN isnan(x) THEN 'NaN'
    WHEN isinf(x) THEN CASE WHEN x > 0 THEN 'Infinity' ELSE '-Infinity' END
    WHEN x <> 0 AND (abs(x) < 1e-3 OR abs(x) >= 1e7)
    THEN error('NOT_SUPPORTED: CAST of the DOUBLE ' || CAST(x AS VARCHAR)
        || ' to VARCHAR: Athena writes an exponent; CAST it to DECIMAL(38, 6) before')
    ELSE CAST(x AS VARCHAR) END;

CREATE OR REPLACE MACRO athena_text_of(x) AS CASE
    WHEN typeof(x) = 'TIMESTAMP' THEN athena_milliseconds(CAST(x AS VARCHAR))
    WHEN typeof(x) = 'TIMESTAMP WITH TIME ZONE'
    THEN athena_milliseconds(replace(CAST(x AS VARCHAR), '+00', '')) || ' UTC'
    WHEN typeof(x) = 'DOUBLE' THEN athena_double_text(TRY_CAST(x AS DOUBLE))
    WHEN typeof(x) = 'FLOAT'
    THEN error('NOT_SUPPORTED: CAST of a REAL to VARCHAR: CAST it to DOUBLE before')
    ELSE CAST(x AS VARCHAR) END;

-- The same of a column, whose type chooses among the macros: of most types that spares the branches,
-- which take longer to bind than many a query to run. An aggregate has no type yet when it would.
CREATE OR REPLACE MACRO athena_text
    (x DATE) AS CAST(x AS VARCHAR),
    (x BIGINT) AS CAST(x AS VARCHAR),
    (x VARCHAR) AS x,
    (x) AS athena_text_of(x);

CREATE OR REPLACE MACRO athena_map_get(m, k) AS CASE
    WHEN m IS NULL THEN NULL
    WHEN map_contains(m, k) THEN m[k]
    ELSE error('INVALID_FUNCTION_ARGUMENT: Key not present in map: ' || k) END;

CREATE OR REPLACE MACRO athena_array_get(a, i) AS CASE
    WHEN i < 1 THEN error('INVALID_FUNCTION_ARGUMENT: Array subscript must be 1 or more: ' || i)
    WHEN i > len(a)
    THEN error('INVALID_FUNCTION_ARGUMENT: Array subscript must be less than or equal to array '
        || 'length: ' || i || ' > ' || len(a))
    ELSE a[i] END;

-- NULL for what is no JSON, and for objects and arrays.
CREATE OR REPLACE MACRO athena_json_scalar(j, p) AS CASE
    WHEN json_valid(CAST(j AS VARCHAR))
        AND json_type(CAST(j AS VARCHAR), p) NOT IN ('OBJECT', 'ARRAY')
    THEN json_extract_string(CAST(j AS VARCHAR), p) END;

-- NULL, where DuckDB gives an empty text.
CREATE OR REPLACE MACRO athena_regexp_extract(s, p, g) AS
    CASE WHEN regexp_matches(s, p) THEN regexp_extract(s, p, g) END;

CREATE OR REPLACE MACRO athena_split_part(s, d, n) AS
    CASE WHEN n <= len(string_split(s, d)) THEN split_part(s, d, n) END;

-- A part that begins at 0, or before the text, is empty, and one of a negative size; of NULL it
-- is NULL.
CREATE OR REPLACE MACRO athena_part(s, start, size, part) AS
    CASE WHEN start = 0 OR start < -length(s) OR size < 0 THEN substr(s, 1, 0) ELSE part END;

-- NULL where the array holds no such element, but a NULL that could be it.
CREATE OR REPLACE MACRO athena_contains(a, x) AS CASE
    WHEN list_contains(a, x) THEN true
    WHEN x IS NOT NULL AND list_count(a) = len(a) THEN false END;

-- Without a step it counts down as well as up; a step must lead to the end.
CREATE OR REPLACE MACRO athena_sequence(a, b) AS
    generate_series(a, b, CASE WHEN a <= b THEN 1 ELSE -1 END);

CREATE OR REPLACE MACRO athena_series(a, b, step) AS CASE
    WHEN len(generate_series(a, b, step)) = 0
    THEN error('INVALID_FUNCTION_ARGUMENT: sequence does not reach its end by this step')
    ELSE generate_series(a, b, step) END;

-- DuckDB keeps the instant and forgets the zone, by which Athena would show it.
CREATE OR REPLACE MACRO athena_iso_time(x) AS CASE
    WHEN regexp_matches(x, '(T[0-9:.]*|Z|[+-]00:?00)$') THEN CAST(x AS TIMESTAMPTZ)
    ELSE error('NOT_SUPPORTED: from_iso8601_timestamp of a zone other than UTC: ' || x) END;
