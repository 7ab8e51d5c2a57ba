-- What Athena means where DuckDB means something else; the bridges write calls of these.
-- `typeof` is known when a query is bound, so the branches not taken cost nothing.

-- Integers divide as integers. DECIMALs give the larger scale of both, as `a + b` has, rounded half
-- up; the quotient comes as a DOUBLE, and the factor lifts exact ties that it holds a bit too small.
CREATE OR REPLACE MACRO athena_divide(a, b) AS CASE
    WHEN typeof(a + b) LIKE 'DECIMAL%' AND b = 0
    THEN error('DIVISION_BY_ZERO: Division by zero')
    WHEN typeof(a + b) LIKE 'DECIMAL%'
    THEN cast_to_type((a / b) * 1.000000000000001e0, a + b)
    WHEN typeof(a + b) IN ('DOUBLE', 'FLOAT')
    THEN cast_to_type(a / b, a + b)
    ELSE cast_to_type(a // b, a + b) END;

CREATE OR REPLACE MACRO athena_subtract(a, b) AS CASE WHEN typeof(a) = 'DATE' AND typeof(b) = 'DATE'
        THEN error('NOT_SUPPORTED: DATE - DATE is an interval in Athena: use date_diff') ELSE a - b END;

CREATE OR REPLACE MACRO athena_average_of(x) AS CASE WHEN typeof(x) LIKE 'DECIMAL%'
        THEN error('NOT_SUPPORTED: avg of a DECIMAL is rounded in Athena: CAST it to DOUBLE') ELSE x END;

CREATE OR REPLACE MACRO athena_whole(x) AS CASE
        WHEN typeof(x) IN ('DOUBLE', 'FLOAT') THEN cast_to_type(round(TRY_CAST(x AS DOUBLE)), x)
        WHEN typeof(x) = 'VARCHAR' AND NOT regexp_full_match(CAST(x AS VARCHAR), '[+-]?[0-9]+')
        THEN error('INVALID_CAST_ARGUMENT: Cannot cast ''' || CAST(x AS VARCHAR) || ''' to an integer')
        ELSE x END;

CREATE OR REPLACE MACRO athena_whole_or_null(x) AS CASE
        WHEN typeof(x) IN ('DOUBLE', 'FLOAT') THEN cast_to_type(round(TRY_CAST(x AS DOUBLE)), x)
        WHEN typeof(x) = 'VARCHAR' AND NOT regexp_full_match(CAST(x AS VARCHAR), '[+-]?[0-9]+')
        THEN NULL ELSE x END;

-- the pattern without digits first: it is many times faster and nearly always enough
CREATE OR REPLACE MACRO athena_looks_like_day(x) AS
    x LIKE '____-__-__' OR regexp_full_match(trim(x), '[0-9]+-[0-9]{1,2}-[0-9]{1,2}');

CREATE OR REPLACE MACRO athena_day(x) AS CASE
        WHEN typeof(x) = 'VARCHAR' AND NOT athena_looks_like_day(CAST(x AS VARCHAR))
        THEN error('INVALID_CAST_ARGUMENT: Value cannot be cast to date: ' || CAST(x AS VARCHAR))
        ELSE x END;

CREATE OR REPLACE MACRO athena_day_or_null(x) AS CASE
        WHEN typeof(x) = 'VARCHAR' AND NOT athena_looks_like_day(CAST(x AS VARCHAR))
        THEN NULL ELSE x END;

CREATE OR REPLACE MACRO athena_text(x) AS CASE
        WHEN typeof(x) = 'TIMESTAMP' THEN left(CAST(x AS VARCHAR)
            || CASE WHEN contains(CAST(x AS VARCHAR), '.') THEN '00' ELSE '.000' END, 23)
        WHEN typeof(x) = 'TIMESTAMP WITH TIME ZONE'
        THEN left(replace(CAST(x AS VARCHAR), '+00', '')
            || CASE WHEN contains(CAST(x AS VARCHAR), '.') THEN '00' ELSE '.000' END, 23) || ' UTC'
        WHEN typeof(x) NOT IN ('DOUBLE', 'FLOAT') THEN CAST(x AS VARCHAR)
        WHEN isnan(TRY_CAST(x AS DOUBLE)) THEN 'NaN'
        WHEN isinf(TRY_CAST(x AS DOUBLE))
        THEN CASE WHEN TRY_CAST(x AS DOUBLE) > 0 THEN 'Infinity' ELSE '-Infinity' END
        WHEN TRY_CAST(x AS DOUBLE) <> 0
             AND (abs(TRY_CAST(x AS DOUBLE)) < 1e-3 OR abs(TRY_CAST(x AS DOUBLE)) >= 1e7)
        THEN error('NOT_SUPPORTED: CAST of the DOUBLE ' || CAST(x AS VARCHAR)
            || ' to VARCHAR: Athena writes an exponent; CAST it to DECIMAL(38, 6) before')
        ELSE CAST(x AS VARCHAR) END;

CREATE OR REPLACE MACRO athena_map_get(m, k) AS CASE WHEN m IS NULL THEN NULL
        WHEN map_contains(m, k) THEN m[k]
        ELSE error('INVALID_FUNCTION_ARGUMENT: Key not present in map: ' || k) END;

CREATE OR REPLACE MACRO athena_array_get(a, i) AS CASE
        WHEN i < 1 THEN error('INVALID_FUNCTION_ARGUMENT: Array subscript must be 1 or more: ' || i)
        WHEN i > len(a)
        THEN error('INVALID_FUNCTION_ARGUMENT: Array subscript must be less than or equal to array length: '
            || i || ' > ' || len(a))
        ELSE a[i] END;

CREATE OR REPLACE MACRO athena_json_scalar(j, p) AS CASE WHEN json_valid(CAST(j AS VARCHAR))
        AND json_type(CAST(j AS VARCHAR), p) NOT IN ('OBJECT', 'ARRAY')
        THEN json_extract_string(CAST(j AS VARCHAR), p) END;

CREATE OR REPLACE MACRO athena_regexp_extract(s, p, g) AS
        CASE WHEN regexp_matches(s, p) THEN regexp_extract(s, p, g) END;

CREATE OR REPLACE MACRO athena_split_part(s, d, n) AS
        CASE WHEN n <= len(string_split(s, d)) THEN split_part(s, d, n) END;

CREATE OR REPLACE MACRO athena_part(s, start, part) AS
        CASE WHEN start = 0 OR start < -length(s) THEN '' ELSE part END;

CREATE OR REPLACE MACRO athena_iso_time(x) AS CASE WHEN regexp_matches(x, '(T[0-9:.]*|Z|[+-]00:?00)$')
        THEN CAST(x AS TIMESTAMPTZ)
        ELSE error('NOT_SUPPORTED: from_iso8601_timestamp of a zone other than UTC: ' || x) END;
