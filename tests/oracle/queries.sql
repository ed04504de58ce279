-- Queries that drum and ClickHouse must answer alike: oracle.mjs compares them,
-- common.mjs says what the lines that begin with -- mean.

-- functions, by constants
SELECT count(), min(ts), max(ts) FROM pageviews
SELECT toUInt8('12'), toInt32('-5'), toFloat64('1.5'), toUInt64('7'), toUInt8(300), toInt8(200.7), toUInt16(-1), toUInt64(1.9e19), toUInt32(toDate('2026-01-01'))
SELECT toUInt64(1e19), toUInt64(9.3e18), toInt64(9.21e18), toInt64(-9.22e18), CAST(1e19 AS UInt64)
SELECT toUInt8('300')
SELECT toUInt64OrZero('x'), toUInt64OrNull('x'), toFloat64OrNull('1.5x'), toUInt8OrZero('300')
SELECT CAST(1 AS UInt8), CAST('12', 'UInt32'), CAST(1.5 AS String), CAST('2026-01-01' AS Date), CAST('2026-01-01 00:00:00.5' AS DateTime64(3)), CAST(NULL AS Nullable(UInt8)), CAST(1 AS Bool), CAST('a' AS LowCardinality(String))
SELECT toDateTime64('2026-01-01 00:00:00.123', 3), toDateTime64(1767225600, 3), toDateTime64(1767225600.5, 3), toDateTime64(toDate('2026-01-01'), 3), toDateTime('2026-01-01 00:00:00'), toDateTime('2026-01-01')
SELECT toStartOfInterval(toDateTime64('2026-03-05 12:34:56.789',3), INTERVAL 5 MINUTE), toStartOfInterval(toDateTime64('2026-03-05 12:34:56.789',3), INTERVAL 1 DAY), toStartOfInterval(toDateTime64('2026-03-05 12:34:56.789',3), INTERVAL 1 WEEK), toStartOfInterval(toDateTime64('2026-03-05 12:34:56.789',3), INTERVAL 2 MONTH), toStartOfInterval(toDateTime64('2026-03-05 12:34:56.789',3), INTERVAL 1 QUARTER), toStartOfInterval(toDateTime64('2026-03-05 12:34:56.789',3), INTERVAL 3 YEAR), toStartOfInterval(toDateTime64('2026-03-05 12:34:56.789',3), INTERVAL 30 SECOND)
SELECT toStartOfInterval(toDate('2026-03-05'), INTERVAL 5 DAY), toStartOfInterval(toDateTime('2026-03-05 12:00:00'), INTERVAL 3 DAY), toStartOfInterval(toDateTime('2026-03-05 12:00:00'), INTERVAL 2 WEEK), toStartOfInterval(toDateTime('2026-03-05 12:00:00'), INTERVAL 5 HOUR), toStartOfInterval(toDateTime('2026-03-05 12:00:00'), INTERVAL 7 MONTH),toStartOfInterval(toDateTime('2026-03-05 12:00:00'), INTERVAL 3 QUARTER)
SELECT ts, toStartOfInterval(ts, INTERVAL 7 MINUTE), toStartOfInterval(ts, INTERVAL 100 MINUTE), toStartOfInterval(ts, INTERVAL 7 SECOND), toStartOfInterval(ts, INTERVAL 36 HOUR) FROM pageviews ORDER BY ts LIMIT 40
SELECT formatDateTime(toDateTime64('2026-03-05 12:34:56.789',3), '%Y-%m-%d %H:%i:%S %M %y %e %j %D %F %T %R %p %I %h %k %l %W %a %b %c %C %f %G %g %V %u %w %Q %n %t %% %z %s %r')
SELECT formatDateTime(toDateTime('2026-01-01 03:04:05'), '%Y-%m-%d %H:%i:%S %M %y %e %j %D %F %T %R %p %I %h %k %l %W %a %b %c %C %f %G %g %V %u %w %Q')
SELECT formatDateTime(toDate('2026-01-01'), '%Y-%m-%d %H:%i:%S %f %G-%V')
SELECT hex('abc'), hex(255), hex(toUInt32(255)), hex(0), hex(-1), hex(1.5), hex(''), unhex('414243'), unhex('abc'), hex(toDate('2026-01-01')), hex(toDateTime('2026-01-01 00:00:00'))
SELECT domain('https://user@www.example.com:8080/a?b#c'), domain('//x.y/z'), domain('x.y/z'), domain('/a/b'), domain('http:/a'), domain(''), domain('https://[::1]:80/'), domain('mailto:a@b.c'), domain('x'), domain('foo bar.com'), domain('http://a_b.com'), domain('HTTP://EX.com.')
SELECT domain('http://x'), domain('http://localhost:80/'), domain('http://1.2.3.4/'), domain('http://a.b?c.d/'), domain('http://a.b:c@d.e/'), domain('ftp://u:p@h.x:21/f'), domain('http://a..b/'), domain('http://a.b'), domain('http://-a.b/'), domain('a.b:80/c'), domain('https://пример.рф/'), domain('http://a.b\\c')
SELECT domainWithoutWWW('https://www.example.com/'), protocol('https://x/'), protocol('x.y'), path('https://x.y/a/b?c#d'), path('/a/b?c'), path('x.y'), path('http://x.y'), path('https://x.y/a#d'), pathFull('https://x.y/a/b?c#d'), queryString('https://x.y/a?b=c#d'), cutQueryString('https://x.y/a?b=c#d'), cutQueryString('x?'), fragment('http://a/b#c'), cutFragment('http://a/b#c'), cutQueryStringAndFragment('https://x.y/a?b=c#d'), topLevelDomain('https://a.b.com/')
SELECT path('//x.y/a?b'), path(''), path('?a'), path('a?b/c'), path('https://'), path('https:///a'), path('http://x.y?a/b'), path('http://x.y#a/b'), path('x/y:z//w'), extractURLParameter('http://x/?a=1&b=2', 'b'), extractURLParameter('http://x/?a=1&b=2', 'a'), extractURLParameter('http://x/', 'a'), extractURLParameter('a=1', 'a')
SELECT match('hello', 'h.l+o'), match('hello', '^e'), match('a\nb', 'a.b'), match('HELLO', '(?i)hel'), match('abc', '[a-c]{3}$'), match('x', ''), match('abc', 'b|d'), match('a', '\\d'), match('é', '^.$'), match('aaa', 'a{2,}?'), match('foo', '(?:o){2}'), match('foo', '\\bfoo\\b')
SELECT match('a\n', 'a$'), match('b\na', '^a'), match('b\na', '(?m)^a'), match('a.c', 'a\\.c'), match('a]', '[]]'), match('-', '[a-]'), match('\\', '\\\\'), match('é', '[é-ü]'), match('É', '(?i)é'), match('', '^$'), match('ab', '(a|ab)(c|bcd)?$'), match('x{', 'x{'), match('a{1', 'a{1'), match('x-1', '[[:alpha:]]-[[:digit:]]'), match('abc', '(?P<n>b)'), match('a', '[^[:alpha:]]'), match('\t', '\\s'), match('a b', 'a\\x20b')
SELECT replaceRegexpAll('hello world', 'o', '0'), replaceRegexpOne('hello', 'l', 'L'), replaceRegexpAll('abc', '(.)', '\\1\\1'), replaceRegexpAll('abc', '', '-'), replaceRegexpAll('aaa', 'a*', 'x'), replaceRegexpAll('/p/123/q/45', '[0-9]+', 'N'), replaceRegexpAll('abc', 'b', '[\\0]'), extract('abc123', '[0-9]+'), extract('abc123', '([a-z]+)[0-9]'), replaceRegexpAll('baaac', 'a*', 'x'), replaceRegexpAll('héé', '', '-')
SELECT replaceRegexpAll('', 'a*', 'x'), replaceRegexpAll('', '^', 'x'), replaceRegexpAll('ab', '$', 'x'), replaceRegexpAll('ab', '^', 'x'), replaceRegexpAll('aXbX', 'X', ''), replaceRegexpOne('aaa', 'a*?', 'x'), replaceRegexpAll('foobar', '(o)(o)', '\\2-\\1'), replaceRegexpAll('/blog/a-b-c/', '/[a-z-]+/$', '/*/'), replaceRegexpAll('xay', 'a|', '-'), replaceRegexpAll('abab', '(?:ab)+', 'z'), replaceRegexpAll('abcd', '(a)(z)?', '[\\2]')
SELECT replaceAll('aXbX', 'X', '--'), replaceOne('aXbX', 'X', '--'), empty(''), notEmpty('x'), trimLeft('  a '), trimRight(' a  '), reverse('abc'), left('abc', 2), right('abc', 2), left('abc', -1), right('abc', -1), left('abc', 10), lengthUTF8('é')
SELECT log(10), ln(10), log2(8), log10(100), exp(1), sqrt(2), pow(2, 10), power(2, 0.5), abs(-3), abs(-1.5), abs(toUInt8(3)), sign(-2), cbrt(8), isNaN(nan), isFinite(inf), isInfinite(inf), log(0), log(-1), pi(), e(), ifNotFinite(1/0, 0)
SELECT toYear(toDate('2026-03-05')), toMonth(toDate('2026-03-05')), toQuarter(toDate('2026-03-05')), toDayOfMonth(toDate('2026-03-05')), toDayOfYear(toDate('2026-03-05')), toSecond(toDateTime('2026-03-05 01:02:03')), toStartOfQuarter(toDate('2026-03-05')), toStartOfYear(toDate('2026-03-05')), toStartOfTenMinutes(toDateTime('2026-03-05 01:12:03')), yesterday() = today() - 1, toYYYYMM(toDate('2026-03-05')), toYYYYMMDD(toDate('2026-03-05')), toUnixTimestamp64Milli(toDateTime64('2026-03-05 01:12:03.5',3)), fromUnixTimestamp64Milli(1767225600123), toISOWeek(toDate('2026-03-05'))
SELECT dateDiff('hour', toDateTime('2026-03-05 01:12:03'), toDateTime('2026-03-06 00:00:00')), dateDiff('day', toDate('2026-03-05'), toDate('2026-02-01')), dateDiff('month', toDate('2026-03-31'), toDate('2026-04-01')), dateDiff('week', toDate('2026-03-01'), toDate('2026-03-02')), dateDiff('year', toDate('2025-12-31'), toDate('2026-01-01')), dateDiff('second', toDateTime('2026-03-05 01:12:03'), toDateTime('2026-03-05 01:12:04')), dateDiff('minute', toDateTime64('2026-03-05 01:12:03.9',3), toDateTime('2026-03-05 01:14:00')), dateDiff('quarter', toDate('2026-03-05'), toDate('2026-07-01'))
SELECT if(error_count = 0, 0, intDiv(100, error_count)) AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT count() FROM pageviews WHERE error_count != 0 AND intDiv(10, error_count) > 4
SELECT count() FROM pageviews WHERE error_count = 0 OR 10 % error_count = 1
SELECT multiIf(error_count = 0, 0, error_count = 1, 1, intDiv(10, error_count - 1)) AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT match(path, '^/product') AS m, count() FROM pageviews GROUP BY m ORDER BY m
SELECT replaceRegexpAll(path, '[0-9]+', 'N') AS p, count() AS c FROM pageviews GROUP BY p ORDER BY c DESC, p LIMIT 10

-- select lists, names of columns
SELECT 1
SELECT 1 AS a, a + 1 AS b, b * 2
SELECT count() FROM pageviews
SELECT count(*) FROM pageviews
SELECT COUNT(*) FROM pageviews
SELECT Count(lcp) FROM pageviews
SELECT site, lcp FROM pageviews ORDER BY view_id LIMIT 5
SELECT p.site, p.lcp FROM pageviews AS p ORDER BY p.view_id LIMIT 3
SELECT pageviews.site FROM pageviews ORDER BY view_id LIMIT 2
SELECT site AS s, s || '!' FROM pageviews ORDER BY view_id LIMIT 3
SELECT `site`, "device" FROM pageviews ORDER BY view_id LIMIT 3
SELECT lcp + 1, -lcp, lcp * 2 FROM pageviews ORDER BY view_id LIMIT 3
SELECT site, FROM pageviews ORDER BY view_id LIMIT 1
SELECT DISTINCT site FROM pageviews ORDER BY site
SELECT DISTINCT site, device FROM pageviews ORDER BY site, device
SELECT DISTINCT country != '' AS known FROM pageviews ORDER BY known
WITH 1000 AS k SELECT countIf(lcp > k) FROM pageviews
WITH lcp / 1000 AS seconds SELECT max(seconds), min(seconds) FROM pageviews
WITH round(lcp) AS r, r + 1 AS s SELECT r, s FROM pageviews WHERE lcp IS NOT NULL ORDER BY view_id LIMIT 3
SELECT count() AS lcp FROM pageviews
SELECT lcp AS x FROM pageviews WHERE x > 8000 ORDER BY x
SELECT upper(site) AS site, count() FROM pageviews GROUP BY site ORDER BY site
SELECT 1 WHERE 0
SELECT 'a' WHERE 1
SELECT 1, 'a', 1.5, true, false
SELECT 18446744073709551615, -9223372036854775808, 1e300, 0.1 + 0.2, 1/3, 1e21, 1e-7, 123456789.123
SELECT 0x1F, 255, 256, 65535, 65536, 4294967295, 4294967296
SELECT -1, -128, -129, -32768, -32769, -2147483648, -2147483649
SELECT 'it''s', 'a\tb', 'back\\slash', 'new\nline'
SELECT tags FROM pageviews ORDER BY view_id LIMIT 4
SELECT tags['plan'], tags['nosuch'] FROM pageviews ORDER BY view_id LIMIT 4

-- operators
SELECT count() FROM pageviews WHERE lcp > 2500
SELECT count() FROM pageviews WHERE lcp >= 2500 AND inp < 200
SELECT count() FROM pageviews WHERE lcp > 5000 OR inp > 400
SELECT count() FROM pageviews WHERE NOT lcp > 2500
SELECT count() FROM pageviews WHERE lcp BETWEEN 1000 AND 2000
SELECT count() FROM pageviews WHERE lcp NOT BETWEEN 1000 AND 2000
SELECT count() FROM pageviews WHERE site = 'shop'
SELECT count() FROM pageviews WHERE site != 'shop'
SELECT count() FROM pageviews WHERE site <> 'shop'
SELECT count() FROM pageviews WHERE site == 'blog'
SELECT count() FROM pageviews WHERE site < 'docs'
SELECT count() FROM pageviews WHERE site >= 'docs'
SELECT count() FROM pageviews WHERE site IN ('shop', 'blog')
SELECT count() FROM pageviews WHERE site NOT IN ('shop', 'blog')
SELECT count() FROM pageviews WHERE error_count IN (1, 2, 3)
SELECT count() FROM pageviews WHERE error_count NOT IN (0)
SELECT count() FROM pageviews WHERE lcp IS NULL
SELECT count() FROM pageviews WHERE lcp IS NOT NULL
SELECT count() FROM pageviews WHERE site LIKE 's%'
SELECT count() FROM pageviews WHERE site NOT LIKE '%o%'
SELECT count() FROM pageviews WHERE path ILIKE '/BLOG%'
SELECT count() FROM pageviews WHERE path NOT ILIKE '%A%'
SELECT count() FROM pageviews WHERE path LIKE '/p/_id%'
SELECT count() FROM pageviews WHERE lcp > 1000 AND (inp IS NULL OR inp > 100)
SELECT count() FROM pageviews WHERE (lcp > 1000) = (inp > 100)
SELECT count() FROM pageviews WHERE lcp > inp
SELECT count() FROM pageviews WHERE save_data = 1
SELECT count() FROM pageviews WHERE NOT save_data
SELECT count() FROM pageviews WHERE save_data
SELECT count() FROM pageviews WHERE error_count % 2 = 1
SELECT count() FROM pageviews WHERE ts > '2026-05-29 00:00:00'
SELECT count() FROM pageviews WHERE ts >= toDateTime('2026-05-29 00:00:00') AND ts < '2026-05-30'
SELECT count() FROM pageviews WHERE toDate(ts) = '2026-05-29'
SELECT count() FROM pageviews WHERE toHour(ts) BETWEEN 8 AND 17
SELECT count() FROM pageviews WHERE country = '' OR continent = 'EU'
SELECT count() FROM pageviews WHERE viewport_width IN (360, 390)
SELECT count() FROM pageviews WHERE dpr IN (1, 1.5)
SELECT count() FROM pageviews WHERE session_id > 9223372036854775808
SELECT count() FROM pageviews WHERE lcp IN (NULL, 100)
SELECT count() FROM pageviews WHERE tags['plan'] = 'pro'
SELECT count() FROM pageviews WHERE tags['plan'] != ''
SELECT count() FROM pageviews WHERE length(path) > 5
SELECT count() FROM pageviews WHERE 1
SELECT count() FROM pageviews WHERE 0
SELECT count() FROM pageviews WHERE NULL
SELECT count() FROM pageviews WHERE lcp = NULL
SELECT count() FROM pageviews WHERE browser_version > '102'
SELECT count() FROM pageviews WHERE ts IN ('2026-05-29 00:00:00')
SELECT count() FROM pageviews WHERE has(['shop','docs'], site)
SELECT count() FROM pageviews WHERE mapContains(tags, 'plan')
SELECT count() FROM pageviews WHERE empty(country)
SELECT count() FROM pageviews WHERE lcp > 100 ? inp > 100 : cls > 0.1
SELECT count() FROM pageviews WHERE ts > now() - INTERVAL 10 YEAR
SELECT count() FROM pageviews WHERE like(site, '%og')
SELECT count() FROM pageviews WHERE lcp + inp > 3000
SELECT count() FROM pageviews WHERE lcp * 1.0 > 2500.0
SELECT lcp > 2500, count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT lcp >= 2500 AND inp < 200, count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT lcp > 5000 OR inp > 400, count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT NOT lcp > 2500, count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT lcp BETWEEN 1000 AND 2000, count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT lcp NOT BETWEEN 1000 AND 2000, count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT site = 'shop', count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT site != 'shop', count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT site <> 'shop', count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT site == 'blog', count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT site < 'docs', count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT site >= 'docs', count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT site IN ('shop', 'blog'), count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT site NOT IN ('shop', 'blog'), count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT error_count IN (1, 2, 3), count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT error_count NOT IN (0), count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT lcp IS NULL, count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT lcp IS NOT NULL, count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT site LIKE 's%', count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT site NOT LIKE '%o%', count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT path ILIKE '/BLOG%', count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT path NOT ILIKE '%A%', count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT path LIKE '/p/_id%', count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT lcp > 1000 AND (inp IS NULL OR inp > 100), count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT (lcp > 1000) = (inp > 100), count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT lcp > inp, count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT save_data = 1, count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT NOT save_data, count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT save_data, count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT error_count % 2 = 1, count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT ts > '2026-05-29 00:00:00', count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT ts >= toDateTime('2026-05-29 00:00:00') AND ts < '2026-05-30', count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT toDate(ts) = '2026-05-29', count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT toHour(ts) BETWEEN 8 AND 17, count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT country = '' OR continent = 'EU', count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT viewport_width IN (360, 390), count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT dpr IN (1, 1.5), count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT session_id > 9223372036854775808, count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT lcp IN (NULL, 100), count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT tags['plan'] = 'pro', count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT tags['plan'] != '', count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT length(path) > 5, count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT 1, count() FROM pageviews GROUP BY 1 ORDER BY 1
SELECT 0, count() FROM pageviews GROUP BY 1 ORDER BY 1

-- arithmetic
SELECT error_count, error_count + 1, error_count - 1, error_count * 2, error_count / 2, -error_count, intDiv(error_count, 3), error_count % 3 FROM pageviews ORDER BY view_id LIMIT 8
SELECT error_count, round(error_count / 7, 2), floor(error_count / 7, 1), ceil(error_count / 7), abs(error_count - 10), greatest(error_count, 5), least(error_count, 5) FROM pageviews ORDER BY view_id LIMIT 8
SELECT toString(error_count), toUInt8(error_count), toInt16(error_count), toFloat64(error_count), toUInt64(error_count) FROM pageviews WHERE error_count < 100 ORDER BY view_id LIMIT 5
SELECT coalesce(error_count, 0), ifNull(error_count, 7), nullIf(error_count, 1), error_count IS NULL FROM pageviews ORDER BY view_id LIMIT 8
SELECT asn, asn + 1, asn - 1, asn * 2, asn / 2, -asn, intDiv(asn, 3), asn % 3 FROM pageviews ORDER BY view_id LIMIT 8
SELECT asn, round(asn / 7, 2), floor(asn / 7, 1), ceil(asn / 7), abs(asn - 10), greatest(asn, 5), least(asn, 5) FROM pageviews ORDER BY view_id LIMIT 8
SELECT toString(asn), toUInt8(asn), toInt16(asn), toFloat64(asn), toUInt64(asn) FROM pageviews WHERE asn < 100 ORDER BY view_id LIMIT 5
SELECT coalesce(asn, 0), ifNull(asn, 7), nullIf(asn, 1), asn IS NULL FROM pageviews ORDER BY view_id LIMIT 8
SELECT transfer_bytes, transfer_bytes + 1, transfer_bytes - 1, transfer_bytes * 2, transfer_bytes / 2, -transfer_bytes, intDiv(transfer_bytes, 3), transfer_bytes % 3 FROM pageviews ORDER BY view_id LIMIT 8
SELECT transfer_bytes, round(transfer_bytes / 7, 2), floor(transfer_bytes / 7, 1), ceil(transfer_bytes / 7), abs(transfer_bytes - 10), greatest(transfer_bytes, 5), least(transfer_bytes, 5) FROM pageviews ORDER BY view_id LIMIT 8
SELECT toString(transfer_bytes), toUInt8(transfer_bytes), toInt16(transfer_bytes), toFloat64(transfer_bytes), toUInt64(transfer_bytes) FROM pageviews WHERE transfer_bytes < 100 ORDER BY view_id LIMIT 5
SELECT coalesce(transfer_bytes, 0), ifNull(transfer_bytes, 7), nullIf(transfer_bytes, 1), transfer_bytes IS NULL FROM pageviews ORDER BY view_id LIMIT 8
SELECT viewport_width, viewport_width + 1, viewport_width - 1, viewport_width * 2, viewport_width / 2, -viewport_width, intDiv(viewport_width, 3), viewport_width % 3 FROM pageviews ORDER BY view_id LIMIT 8
SELECT viewport_width, round(viewport_width / 7, 2), floor(viewport_width / 7, 1), ceil(viewport_width / 7), abs(viewport_width - 10), greatest(viewport_width, 5), least(viewport_width, 5) FROM pageviews ORDER BY view_id LIMIT 8
SELECT toString(viewport_width), toUInt8(viewport_width), toInt16(viewport_width), toFloat64(viewport_width), toUInt64(viewport_width) FROM pageviews WHERE viewport_width < 100 ORDER BY view_id LIMIT 5
SELECT coalesce(viewport_width, 0), ifNull(viewport_width, 7), nullIf(viewport_width, 1), viewport_width IS NULL FROM pageviews ORDER BY view_id LIMIT 8
SELECT lcp, lcp + 1, lcp - 1.5, lcp * 2, lcp / 2, -lcp FROM pageviews ORDER BY view_id LIMIT 8
SELECT lcp, round(lcp / 7, 2), floor(lcp / 7, 1), ceil(lcp / 7), abs(lcp - 10), greatest(lcp, 5), least(lcp, 5) FROM pageviews ORDER BY view_id LIMIT 8
SELECT toString(lcp), toUInt8(lcp), toInt16(lcp), toFloat64(lcp), toUInt64(lcp) FROM pageviews WHERE lcp < 100 ORDER BY view_id LIMIT 5
SELECT coalesce(lcp, 0), ifNull(lcp, 7), nullIf(lcp, 1), lcp IS NULL FROM pageviews ORDER BY view_id LIMIT 8
SELECT inp, inp + 1, inp - 1.5, inp * 2, inp / 2, -inp FROM pageviews ORDER BY view_id LIMIT 8
SELECT inp, round(inp / 7, 2), floor(inp / 7, 1), ceil(inp / 7), abs(inp - 10), greatest(inp, 5), least(inp, 5) FROM pageviews ORDER BY view_id LIMIT 8
SELECT toString(inp), toUInt8(inp), toInt16(inp), toFloat64(inp), toUInt64(inp) FROM pageviews WHERE inp < 100 ORDER BY view_id LIMIT 5
SELECT coalesce(inp, 0), ifNull(inp, 7), nullIf(inp, 1), inp IS NULL FROM pageviews ORDER BY view_id LIMIT 8
SELECT cls, cls + 1, cls - 1.5, cls * 2, cls / 2, -cls FROM pageviews ORDER BY view_id LIMIT 8
SELECT cls, round(cls / 7, 2), floor(cls / 7, 1), ceil(cls / 7), abs(cls - 10), greatest(cls, 5), least(cls, 5) FROM pageviews ORDER BY view_id LIMIT 8
SELECT toString(cls), toUInt8(cls), toInt16(cls), toFloat64(cls), toUInt64(cls) FROM pageviews WHERE cls < 100 ORDER BY view_id LIMIT 5
SELECT coalesce(cls, 0), ifNull(cls, 7), nullIf(cls, 1), cls IS NULL FROM pageviews ORDER BY view_id LIMIT 8
SELECT dpr, dpr + 1, dpr - 1.5, dpr * 2, dpr / 2, -dpr FROM pageviews ORDER BY view_id LIMIT 8
SELECT dpr, round(dpr / 7, 2), floor(dpr / 7, 1), ceil(dpr / 7), abs(dpr - 10), greatest(dpr, 5), least(dpr, 5) FROM pageviews ORDER BY view_id LIMIT 8
SELECT toString(dpr), toUInt8(dpr), toInt16(dpr), toFloat64(dpr), toUInt64(dpr) FROM pageviews WHERE dpr < 100 ORDER BY view_id LIMIT 5
SELECT coalesce(dpr, 0), ifNull(dpr, 7), nullIf(dpr, 1), dpr IS NULL FROM pageviews ORDER BY view_id LIMIT 8
SELECT cpu, cpu + 1, cpu - 1, cpu * 2, cpu / 2, -cpu, intDiv(cpu, 3), cpu % 3 FROM pageviews ORDER BY view_id LIMIT 8
SELECT cpu, round(cpu / 7, 2), floor(cpu / 7, 1), ceil(cpu / 7), abs(cpu - 10), greatest(cpu, 5), least(cpu, 5) FROM pageviews ORDER BY view_id LIMIT 8
SELECT toString(cpu), toUInt8(cpu), toInt16(cpu), toFloat64(cpu), toUInt64(cpu) FROM pageviews WHERE cpu < 100 ORDER BY view_id LIMIT 5
SELECT coalesce(cpu, 0), ifNull(cpu, 7), nullIf(cpu, 1), cpu IS NULL FROM pageviews ORDER BY view_id LIMIT 8
SELECT save_data, save_data + 1, save_data - 1, save_data * 2, save_data / 2, -save_data, intDiv(save_data, 3), save_data % 3 FROM pageviews ORDER BY view_id LIMIT 8
SELECT save_data, round(save_data / 7, 2), floor(save_data / 7, 1), ceil(save_data / 7), abs(save_data - 10), greatest(save_data, 5), least(save_data, 5) FROM pageviews ORDER BY view_id LIMIT 8
SELECT toString(save_data), toUInt8(save_data), toInt16(save_data), toFloat64(save_data), toUInt64(save_data) FROM pageviews WHERE save_data < 100 ORDER BY view_id LIMIT 5
SELECT coalesce(save_data, 0), ifNull(save_data, 7), nullIf(save_data, 1), save_data IS NULL FROM pageviews ORDER BY view_id LIMIT 8
SELECT round(2.5), round(3.5), round(-2.5), round(0.125, 2), round(1234.5, -2), round(15, -1), floor(-1.5), ceil(-1.5)
SELECT intDiv(7, 2), intDiv(-7, 2), 7 % 3, -7 % 3, 7.5 % 2, intDiv(7.5, 2)
SELECT 1 / 0, -1 / 0, 0 / 0
SELECT 255 + 1, 65535 * 2, 1 - 2, toUInt8(200) + toUInt8(100), 100 * 100
SELECT 4294967295 + 1, 4294967296 * 4294967296 AS x
SELECT 1 + 1.5, 1.5 - 1, 2 * 0.1, 10 / 4
SELECT greatest(1, 2.5), least(1, -1), greatest('a', 'b'), least(toDate('2026-01-01'), toDate('2026-01-02'))
SELECT abs(-5), abs(5), sign(-3.5), pow(2, 10), sqrt(16), exp(0), log(1), log2(8), log10(1000)
SELECT lcp, sqrt(lcp), log(lcp + 1), pow(lcp, 2) FROM pageviews WHERE lcp IS NOT NULL ORDER BY view_id LIMIT 4
SELECT toFloat64('1e3'), toFloat64('inf'), toFloat64('nan')
SELECT isNaN(0/0), isFinite(1/0), isInfinite(1/0)
SELECT 5 IN (1, 5), 5 NOT IN (1, 5), 'a' IN ('a', 'b'), 1 IN (NULL, 1)

-- strings
SELECT lower(path) AS x, count() FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT upper(path) AS x, count() FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT length(path) AS x, count() FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT reverse(path) AS x, count() FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT lengthUTF8(path) AS x, count() FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT hex(path) AS x, count() FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT empty(path) AS x, count() FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT notEmpty(path) AS x, count() FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT trimLeft(path) AS x, count() FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT domain(lcp_url) AS x, count() FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT path(lcp_url) AS x, count() FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT cutQueryString(concat(lcp_url, '?w=', error_count, '&q=', path, '#top')) AS x, count() FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT protocol(lcp_url) AS x, count() FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT queryString(concat(lcp_url, '?w=', error_count, '&q=', path, '#top')) AS x, count() FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT fragment(concat(lcp_url, '?w=', error_count, '&q=', path, '#top')) AS x, count() FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT domainWithoutWWW(lcp_url) AS x, count() FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT topLevelDomain(lcp_url) AS x, count() FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT pathFull(concat(lcp_url, '?w=', error_count, '&q=', path, '#top')) AS x, count() FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT cutFragment(concat(lcp_url, '?w=', error_count, '&q=', path, '#top')) AS x, count() FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT cutQueryStringAndFragment(concat(lcp_url, '?w=', error_count, '&q=', path, '#top')) AS x, count() FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT substring(path, 2) AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT substring(path, 2, 3) AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT substring(path, -4, 2) AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT position(path, 'p') AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT concat(site, '-', device) AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT site || '/' || device AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT concat(site, error_count) AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT startsWith(path, '/p'), endsWith(path, 'b'), count() FROM pageviews GROUP BY 1, 2 ORDER BY 1, 2
SELECT replaceAll(path, '/', ':') AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT replaceOne(path, '/', ':') AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT extract(path, '/([a-z]+)') AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT replaceRegexpOne(path, '[a-z]', 'X') AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT replaceRegexpAll(concat(lcp_url, '?w=', error_count), '[0-9]+', 'N') AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT left(path, 3), right(path, 3), count() FROM pageviews GROUP BY 1, 2 ORDER BY 1, 2
SELECT extractURLParameter(concat(lcp_url, '?q=1&w=', error_count, '#w=5'), 'w') AS w, count() FROM pageviews GROUP BY w ORDER BY w
SELECT match(message, 'null|undefined') AS m, count() FROM errors GROUP BY m ORDER BY m
SELECT text, length(text), hex(text) FROM events GROUP BY text ORDER BY text
SELECT message, count() FROM errors GROUP BY message ORDER BY message
SELECT 'a' = 'a', 'a' < 'b', 'B' < 'a', '' < 'a', 'ab' > 'a'
SELECT lower('ÄÖ'), upper('straße'), length('€'), lengthUTF8('€'), reverse('ab')
SELECT toString(1), toString(1.5), toString(true), toString(toDate('2026-01-02')), toString(toDateTime('2026-01-02 03:04:05'))
SELECT toString(ts) FROM pageviews ORDER BY view_id LIMIT 3
SELECT 'abc' LIKE 'a%', 'abc' LIKE '%b%', 'abc' LIKE 'a_c', 'a%c' LIKE 'a\\%c', 'abc' LIKE 'ABC', 'abc' ILIKE 'ABC'

-- times
SELECT toStartOfMinute(ts) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT toStartOfFiveMinutes(ts) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT toStartOfTenMinutes(ts) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT toStartOfFifteenMinutes(ts) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT toStartOfHour(ts) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT toStartOfDay(ts) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT toStartOfWeek(ts) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT toMonday(ts) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT toStartOfMonth(ts) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT toStartOfQuarter(ts) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT toStartOfYear(ts) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT toDate(ts) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT toDateTime(ts) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT toHour(ts) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT toMinute(ts) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT toSecond(ts) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT toDayOfWeek(ts) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT toDayOfMonth(ts) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT toDayOfYear(ts) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT toMonth(ts) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT toQuarter(ts) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT toYear(ts) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT toISOWeek(ts) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT toYYYYMM(ts) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT toYYYYMMDD(ts) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT toUnixTimestamp(ts) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 12
SELECT toStartOfInterval(ts, INTERVAL 1 MINUTE) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 10
SELECT toStartOfInterval(ts, INTERVAL 5 MINUTE) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 10
SELECT toStartOfInterval(ts, INTERVAL 15 MINUTE) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 10
SELECT toStartOfInterval(ts, INTERVAL 1 HOUR) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 10
SELECT toStartOfInterval(ts, INTERVAL 6 HOUR) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 10
SELECT toStartOfInterval(ts, INTERVAL 1 DAY) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 10
SELECT toStartOfInterval(ts, INTERVAL 2 DAY) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 10
SELECT toStartOfInterval(ts, INTERVAL 1 WEEK) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 10
SELECT toStartOfInterval(ts, INTERVAL 1 MONTH) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 10
SELECT toStartOfInterval(ts, INTERVAL 3 MONTH) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 10
SELECT toStartOfInterval(ts, INTERVAL 1 QUARTER) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 10
SELECT toStartOfInterval(ts, INTERVAL 1 YEAR) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 10
SELECT toStartOfInterval(ts, INTERVAL 90 SECOND) AS x, count() AS c FROM pageviews GROUP BY x ORDER BY x LIMIT 10
SELECT ts + INTERVAL 1 SECOND, ts - INTERVAL 1 SECOND, toDateTime(ts) + INTERVAL 1 SECOND, toDateTime(ts) - INTERVAL 1 SECOND FROM pageviews ORDER BY view_id LIMIT 3
SELECT ts + INTERVAL 90 MINUTE, ts - INTERVAL 90 MINUTE, toDateTime(ts) + INTERVAL 90 MINUTE, toDateTime(ts) - INTERVAL 90 MINUTE FROM pageviews ORDER BY view_id LIMIT 3
SELECT ts + INTERVAL 3 HOUR, ts - INTERVAL 3 HOUR, toDateTime(ts) + INTERVAL 3 HOUR, toDateTime(ts) - INTERVAL 3 HOUR FROM pageviews ORDER BY view_id LIMIT 3
SELECT ts + INTERVAL 1 DAY, ts - INTERVAL 1 DAY, toDateTime(ts) + INTERVAL 1 DAY, toDateTime(ts) - INTERVAL 1 DAY FROM pageviews ORDER BY view_id LIMIT 3
SELECT ts + INTERVAL 2 WEEK, ts - INTERVAL 2 WEEK, toDateTime(ts) + INTERVAL 2 WEEK, toDateTime(ts) - INTERVAL 2 WEEK FROM pageviews ORDER BY view_id LIMIT 3
SELECT ts + INTERVAL 1 MONTH, ts - INTERVAL 1 MONTH, toDateTime(ts) + INTERVAL 1 MONTH, toDateTime(ts) - INTERVAL 1 MONTH FROM pageviews ORDER BY view_id LIMIT 3
SELECT ts + INTERVAL 1 QUARTER, ts - INTERVAL 1 QUARTER, toDateTime(ts) + INTERVAL 1 QUARTER, toDateTime(ts) - INTERVAL 1 QUARTER FROM pageviews ORDER BY view_id LIMIT 3
SELECT ts + INTERVAL 1 YEAR, ts - INTERVAL 1 YEAR, toDateTime(ts) + INTERVAL 1 YEAR, toDateTime(ts) - INTERVAL 1 YEAR FROM pageviews ORDER BY view_id LIMIT 3
SELECT toDate(ts) + INTERVAL 1 DAY, toDate(ts) - INTERVAL 1 MONTH, toDate(ts) + 1, toDate(ts) - 1 FROM pageviews ORDER BY view_id LIMIT 3
SELECT toDateTime(ts) - toDateTime('2026-05-28 00:00:00') AS d FROM pageviews ORDER BY view_id LIMIT 3
SELECT toDate('2026-03-31') + INTERVAL 1 MONTH, toDate('2024-02-29') + INTERVAL 1 YEAR, toDate('2026-01-31') - INTERVAL 1 QUARTER
SELECT min(ts), max(ts), count() FROM pageviews
SELECT formatDateTime(ts, '%Y-%m-%d') AS d, count() FROM pageviews GROUP BY d ORDER BY d
SELECT formatDateTime(ts, '%H:%i') AS d, count() FROM pageviews GROUP BY d ORDER BY d LIMIT 5
SELECT dateDiff('hour', toDateTime('2026-05-28 00:00:00'), toDateTime(ts)) AS h, count() FROM pageviews GROUP BY h ORDER BY h LIMIT 8
SELECT dateDiff('day', toDate('2026-05-01'), toDate(ts)) AS d, count() FROM pageviews GROUP BY d ORDER BY d
SELECT toUnixTimestamp64Milli(ts) FROM pageviews ORDER BY view_id LIMIT 3
SELECT ts, toDateTime64(ts, 3) FROM pageviews ORDER BY view_id LIMIT 2
SELECT toDate('2026-01-02') < toDate('2026-01-03'), toDateTime('2026-01-02 00:00:00') = toDate('2026-01-02')
SELECT today() = toDate(now()), yesterday() < today(), now() > toDateTime('2026-01-01 00:00:00')
SELECT count() FROM pageviews WHERE ts BETWEEN '2026-05-29 00:00:00' AND '2026-05-29 12:00:00'
SELECT toDate(ts) AS d, toHour(ts) AS h, count() FROM pageviews GROUP BY d, h ORDER BY d, h LIMIT 7
SELECT toDateTime(0), toDate(0), toDate(19000), toDateTime(1780000000)
SELECT toStartOfHour(toDateTime('2026-01-02 03:04:05')), toStartOfDay(toDate('2026-01-02')), toMonday(toDate('2026-01-04')), toStartOfWeek(toDate('2026-01-04'))

-- conditions
SELECT if(lcp > 2500, 'slow', 'fast') AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT multiIf(lcp <= 2500, 'good', lcp <= 4000, 'needs improvement', lcp > 4000, 'poor', 'unknown') AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT CASE WHEN lcp <= 2500 THEN 'good' WHEN lcp <= 4000 THEN 'ni' ELSE 'poor' END AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT CASE device WHEN 'mobile' THEN 1 WHEN 'tablet' THEN 2 ELSE 3 END AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT CASE WHEN lcp > 2500 THEN 1 END AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT if(lcp > 2500, lcp, NULL) AS x FROM pageviews ORDER BY view_id LIMIT 5
SELECT lcp > 2500 ? 'slow' : 'fast' AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT if(1, 1, 2.5), if(0, 1, -1), if(NULL, 1, 2), if(1, 'a', 'b')
SELECT coalesce(NULL, lcp, inp, 0) AS x FROM pageviews ORDER BY view_id LIMIT 5
SELECT coalesce(lcp, inp) AS x FROM pageviews ORDER BY view_id LIMIT 5
SELECT ifNull(lcp, -1), nullIf(device, 'mobile') FROM pageviews ORDER BY view_id LIMIT 5
SELECT nullIf(error_count, 0) AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT if(country = '', 'unknown', country) AS c, count() FROM pageviews GROUP BY c ORDER BY c
SELECT if(error_count > 0, path, '') AS p, count() FROM pageviews GROUP BY p ORDER BY p
SELECT NULL AND 0, NULL AND 1, NULL OR 1, NULL OR 0
SELECT 1 AND 2, 0 OR 0.5, NOT 5, 1 = 1.0, true AND 1
SELECT true = 1, true, false OR true, NOT true
SELECT isNull(NULL), isNotNull(1), NULL IS NULL, 1 IS NOT NULL
SELECT greatest(lcp, inp), least(lcp, inp) FROM pageviews WHERE lcp IS NOT NULL AND inp IS NOT NULL ORDER BY view_id LIMIT 4

-- aggregates
SELECT count() FROM pageviews
SELECT site, count() AS a FROM pageviews GROUP BY site ORDER BY site
SELECT count(lcp) FROM pageviews
SELECT site, count(lcp) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, countIf(lcp, device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT sum(error_count) FROM pageviews
SELECT site, sum(error_count) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, sumIf(error_count, device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT sum(transfer_bytes) FROM pageviews
SELECT site, sum(transfer_bytes) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, sumIf(transfer_bytes, device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT sum(viewport_width) FROM pageviews
SELECT site, sum(viewport_width) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, sumIf(viewport_width, device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT round(sum(lcp), 3) FROM pageviews
SELECT site, round(sum(lcp), 3) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT round(avg(lcp), 6) FROM pageviews
SELECT site, round(avg(lcp), 6) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT round(avg(error_count), 6) FROM pageviews
SELECT site, round(avg(error_count), 6) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT min(lcp) FROM pageviews
SELECT site, min(lcp) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, minIf(lcp, device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT max(lcp) FROM pageviews
SELECT site, max(lcp) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, maxIf(lcp, device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT min(ts) FROM pageviews
SELECT site, min(ts) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, minIf(ts, device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT max(ts) FROM pageviews
SELECT site, max(ts) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, maxIf(ts, device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT min(path) FROM pageviews
SELECT site, min(path) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, minIf(path, device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT max(path) FROM pageviews
SELECT site, max(path) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, maxIf(path, device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT min(viewport_width) FROM pageviews
SELECT site, min(viewport_width) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, minIf(viewport_width, device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT max(save_data) FROM pageviews
SELECT site, max(save_data) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, maxIf(save_data, device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT uniq(path) FROM pageviews
SELECT site, uniq(path) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, uniqIf(path, device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT uniqExact(session_id) FROM pageviews
SELECT site, uniqExact(session_id) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, uniqExactIf(session_id, device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT uniqExact(country) FROM pageviews
SELECT site, uniqExact(country) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, uniqExactIf(country, device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT count(DISTINCT path) FROM pageviews
SELECT site, count(DISTINCT path) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT uniqExact(lcp) FROM pageviews
SELECT site, uniqExact(lcp) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, uniqExactIf(lcp, device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT quantileExact(0.5)(lcp) FROM pageviews
SELECT site, quantileExact(0.5)(lcp) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, quantileExactIf(0.5)(lcp, device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT quantileExact(0.75)(error_count) FROM pageviews
SELECT site, quantileExact(0.75)(error_count) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, quantileExactIf(0.75)(error_count, device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT quantileExact(0.9)(ts) FROM pageviews
SELECT site, quantileExact(0.9)(ts) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, quantileExactIf(0.9)(ts, device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT quantilesExact(0.5, 0.9)(viewport_width) FROM pageviews
SELECT site, quantilesExact(0.5, 0.9)(viewport_width) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, quantilesExactIf(0.5, 0.9)(viewport_width, device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT quantileExact(0.5)(session_id), quantilesExact(0, 0.9, 1)(session_id), quantileExact(0.3)(session_id - 9223372036854775807) FROM pageviews
SELECT quantileExact(0.3)(ts - INTERVAL 56 YEAR - INTERVAL 150 DAY), quantilesExact(0, 1)(ts - INTERVAL 60 YEAR) FROM pageviews
SELECT site, quantileExactWeighted(0.75)(session_id, error_count) FROM pageviews GROUP BY site ORDER BY site
SELECT quantileExact(1)(toUInt64(18446744073709551615)), quantileExact(0.5)(toInt64(-9223372036854775807)), quantileExact(0.5)(true)
SELECT round(stddevPop(lcp), 4) FROM pageviews
SELECT site, round(stddevPop(lcp), 4) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT round(stddevPop(error_count), 6) FROM pageviews
SELECT site, round(stddevPop(error_count), 6) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT round(varPop(inp), 3) FROM pageviews
SELECT site, round(varPop(inp), 3) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT round(stddevSamp(lcp), 4) FROM pageviews
SELECT site, round(stddevSamp(lcp), 4) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT argMin(path, view_id) FROM pageviews
SELECT site, argMin(path, view_id) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, argMinIf(path, view_id, device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT argMax(path, view_id) FROM pageviews
SELECT site, argMax(path, view_id) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, argMaxIf(path, view_id, device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT argMin(lcp, view_id) FROM pageviews
SELECT site, argMin(lcp, view_id) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, argMinIf(lcp, view_id, device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT argMax(device, ts) FROM pageviews
SELECT site, argMax(device, ts) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, argMaxIf(device, ts, device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT topK(1)(device) FROM pageviews
SELECT site, topK(1)(device) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, topKIf(1)(device, device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT topK(3)(site) FROM pageviews
SELECT site, topK(3)(site) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, topKIf(3)(site, device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT quantileExactWeighted(0.75)(lcp, error_count) FROM pageviews
SELECT site, quantileExactWeighted(0.75)(lcp, error_count) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, quantileExactWeightedIf(0.75)(lcp, error_count, device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT quantileExactWeightedInterpolated(0.75)(lcp, error_count) FROM pageviews
SELECT site, quantileExactWeightedInterpolated(0.75)(lcp, error_count) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, quantileExactWeightedInterpolatedIf(0.75)(lcp, error_count, device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT anyIf(site, site = 'docs') FROM pageviews
SELECT site, anyIf(site, site = 'docs') AS a FROM pageviews GROUP BY site ORDER BY site
SELECT max(length(path)) FROM pageviews
SELECT site, max(length(path)) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, maxIf(length(path), device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT sum(lcp > 2500) FROM pageviews
SELECT site, sum(lcp > 2500) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, sumIf(lcp > 2500, device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT max(toDate(ts)) FROM pageviews
SELECT site, max(toDate(ts)) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, maxIf(toDate(ts), device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT min(tags['plan']) FROM pageviews
SELECT site, min(tags['plan']) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, minIf(tags['plan'], device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT min(lcp + inp) FROM pageviews
SELECT site, min(lcp + inp) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, minIf(lcp + inp, device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT sum(if(lcp > 2500, 1, 0)) FROM pageviews
SELECT site, sum(if(lcp > 2500, 1, 0)) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, sumIf(if(lcp > 2500, 1, 0), device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT sum(true) FROM pageviews
SELECT site, sum(true) AS a FROM pageviews GROUP BY site ORDER BY site
SELECT country, sumIf(true, device = 'mobile') AS a FROM pageviews GROUP BY country ORDER BY country
SELECT countIf(lcp > 2500), countIf(lcp IS NULL), countIf(NULL), countIf(1) FROM pageviews
SELECT round(countIf(lcp <= 2500) / count(lcp), 6) AS good FROM pageviews
SELECT round(100 * countIf(inp > 200) / count(inp), 3) AS poor, site FROM pageviews GROUP BY site ORDER BY poor
SELECT round(sumIf(lcp, device = 'mobile'), 2), round(avgIf(lcp, device = 'mobile'), 4), minIf(lcp, 0), maxIf(error_count, 0) FROM pageviews
SELECT count(), sum(lcp), avg(lcp), min(lcp), max(lcp), uniq(lcp) FROM pageviews WHERE site = 'nobody'
SELECT min(site), max(site), min(ts), quantileExact(0.5)(lcp) FROM pageviews WHERE 0
SELECT site, count() FROM pageviews WHERE 0 GROUP BY site
SELECT length(groupUniqArray(site)), length(groupArray(lcp)), length(groupArray(5)(lcp)) FROM pageviews
SELECT any(1), anyLast(2), any('x') FROM pageviews
SELECT count() + 1, count() * 2, -count(), count() / 2, count() % 7 FROM pageviews
SELECT max(lcp) - min(lcp), round(max(lcp) / min(inp + 1), 3) FROM pageviews
-- once
SELECT count(NULL), count(nullIf(1, 1)), sum(nullIf(1, 1)) FROM pageviews
SELECT sum(1), sum(-1), sum(1.5), avg(2), min(3), max('a') FROM pageviews
SELECT kind, sum(occurrences), max(line), uniqExact(fingerprint) FROM errors GROUP BY kind ORDER BY kind
SELECT name, count(), round(sum(value), 2), min(value), max(value), quantileExact(0.5)(value) FROM events GROUP BY name ORDER BY name
SELECT category, count(value), countIf(value < 0) FROM events GROUP BY category ORDER BY category

-- quantiles
SELECT quantileExactWeightedInterpolated(0)(lcp, 1) FROM pageviews WHERE site = 'docs'
SELECT site, quantile(0)(lcp) AS q FROM pageviews GROUP BY site ORDER BY site
SELECT median(inp), quantiles(0.5, 0)(cls), quantileIf(0)(ttfb, device = 'mobile') FROM pageviews WHERE site != 'shop'
SELECT quantileExactWeightedInterpolated(0.25)(lcp, 1) FROM pageviews WHERE site = 'docs'
SELECT site, quantile(0.25)(lcp) AS q FROM pageviews GROUP BY site ORDER BY site
SELECT median(inp), quantiles(0.5, 0.25)(cls), quantileIf(0.25)(ttfb, device = 'mobile') FROM pageviews WHERE site != 'shop'
SELECT quantileExactWeightedInterpolated(0.5)(lcp, 1) FROM pageviews WHERE site = 'docs'
SELECT site, quantile(0.5)(lcp) AS q FROM pageviews GROUP BY site ORDER BY site
SELECT median(inp), quantiles(0.5, 0.5)(cls), quantileIf(0.5)(ttfb, device = 'mobile') FROM pageviews WHERE site != 'shop'
SELECT quantileExactWeightedInterpolated(0.75)(lcp, 1) FROM pageviews WHERE site = 'docs'
SELECT site, quantile(0.75)(lcp) AS q FROM pageviews GROUP BY site ORDER BY site
SELECT median(inp), quantiles(0.5, 0.75)(cls), quantileIf(0.75)(ttfb, device = 'mobile') FROM pageviews WHERE site != 'shop'
SELECT quantileExactWeightedInterpolated(0.9)(lcp, 1) FROM pageviews WHERE site = 'docs'
SELECT site, quantile(0.9)(lcp) AS q FROM pageviews GROUP BY site ORDER BY site
SELECT median(inp), quantiles(0.5, 0.9)(cls), quantileIf(0.9)(ttfb, device = 'mobile') FROM pageviews WHERE site != 'shop'
SELECT quantileExactWeightedInterpolated(0.99)(lcp, 1) FROM pageviews WHERE site = 'docs'
SELECT site, quantile(0.99)(lcp) AS q FROM pageviews GROUP BY site ORDER BY site
SELECT median(inp), quantiles(0.5, 0.99)(cls), quantileIf(0.99)(ttfb, device = 'mobile') FROM pageviews WHERE site != 'shop'
SELECT quantileExactWeightedInterpolated(1)(lcp, 1) FROM pageviews WHERE site = 'docs'
SELECT site, quantile(1)(lcp) AS q FROM pageviews GROUP BY site ORDER BY site
SELECT median(inp), quantiles(0.5, 1)(cls), quantileIf(1)(ttfb, device = 'mobile') FROM pageviews WHERE site != 'shop'

-- grouping
SELECT site AS k, count() AS c, max(lcp) FROM pageviews GROUP BY k ORDER BY k
SELECT site AS k, count() AS c FROM pageviews GROUP BY k HAVING c > 100 ORDER BY c DESC, k LIMIT 5
SELECT device AS k, count() AS c, max(lcp) FROM pageviews GROUP BY k ORDER BY k
SELECT device AS k, count() AS c FROM pageviews GROUP BY k HAVING c > 100 ORDER BY c DESC, k LIMIT 5
SELECT country AS k, count() AS c, max(lcp) FROM pageviews GROUP BY k ORDER BY k
SELECT country AS k, count() AS c FROM pageviews GROUP BY k HAVING c > 100 ORDER BY c DESC, k LIMIT 5
SELECT path AS k, count() AS c, max(lcp) FROM pageviews GROUP BY k ORDER BY k
SELECT path AS k, count() AS c FROM pageviews GROUP BY k HAVING c > 100 ORDER BY c DESC, k LIMIT 5
SELECT release AS k, count() AS c, max(lcp) FROM pageviews GROUP BY k ORDER BY k
SELECT release AS k, count() AS c FROM pageviews GROUP BY k HAVING c > 100 ORDER BY c DESC, k LIMIT 5
SELECT error_count AS k, count() AS c, max(lcp) FROM pageviews GROUP BY k ORDER BY k
SELECT error_count AS k, count() AS c FROM pageviews GROUP BY k HAVING c > 100 ORDER BY c DESC, k LIMIT 5
SELECT viewport_width AS k, count() AS c, max(lcp) FROM pageviews GROUP BY k ORDER BY k
SELECT viewport_width AS k, count() AS c FROM pageviews GROUP BY k HAVING c > 100 ORDER BY c DESC, k LIMIT 5
SELECT save_data AS k, count() AS c, max(lcp) FROM pageviews GROUP BY k ORDER BY k
SELECT save_data AS k, count() AS c FROM pageviews GROUP BY k HAVING c > 100 ORDER BY c DESC, k LIMIT 5
SELECT dpr AS k, count() AS c, max(lcp) FROM pageviews GROUP BY k ORDER BY k
SELECT dpr AS k, count() AS c FROM pageviews GROUP BY k HAVING c > 100 ORDER BY c DESC, k LIMIT 5
SELECT toDate(ts) AS k, count() AS c, max(lcp) FROM pageviews GROUP BY k ORDER BY k
SELECT toDate(ts) AS k, count() AS c FROM pageviews GROUP BY k HAVING c > 100 ORDER BY c DESC, k LIMIT 5
SELECT toHour(ts) AS k, count() AS c, max(lcp) FROM pageviews GROUP BY k ORDER BY k
SELECT toHour(ts) AS k, count() AS c FROM pageviews GROUP BY k HAVING c > 100 ORDER BY c DESC, k LIMIT 5
SELECT lcp > 2500 AS k, count() AS c, max(lcp) FROM pageviews GROUP BY k ORDER BY k
SELECT lcp > 2500 AS k, count() AS c FROM pageviews GROUP BY k HAVING c > 100 ORDER BY c DESC, k LIMIT 5
SELECT length(path) AS k, count() AS c, max(lcp) FROM pageviews GROUP BY k ORDER BY k
SELECT length(path) AS k, count() AS c FROM pageviews GROUP BY k HAVING c > 100 ORDER BY c DESC, k LIMIT 5
SELECT tags['plan'] AS k, count() AS c, max(lcp) FROM pageviews GROUP BY k ORDER BY k
SELECT tags['plan'] AS k, count() AS c FROM pageviews GROUP BY k HAVING c > 100 ORDER BY c DESC, k LIMIT 5
SELECT lower(site) AS k, count() AS c, max(lcp) FROM pageviews GROUP BY k ORDER BY k
SELECT lower(site) AS k, count() AS c FROM pageviews GROUP BY k HAVING c > 100 ORDER BY c DESC, k LIMIT 5
SELECT country = 'DE' AS k, count() AS c, max(lcp) FROM pageviews GROUP BY k ORDER BY k
SELECT country = 'DE' AS k, count() AS c FROM pageviews GROUP BY k HAVING c > 100 ORDER BY c DESC, k LIMIT 5
SELECT site || device AS k, count() AS c, max(lcp) FROM pageviews GROUP BY k ORDER BY k
SELECT site || device AS k, count() AS c FROM pageviews GROUP BY k HAVING c > 100 ORDER BY c DESC, k LIMIT 5
SELECT intDiv(error_count, 2) AS k, count() AS c, max(lcp) FROM pageviews GROUP BY k ORDER BY k
SELECT intDiv(error_count, 2) AS k, count() AS c FROM pageviews GROUP BY k HAVING c > 100 ORDER BY c DESC, k LIMIT 5
SELECT round(lcp, -3) AS k, count() AS c, max(lcp) FROM pageviews GROUP BY k ORDER BY k
SELECT round(lcp, -3) AS k, count() AS c FROM pageviews GROUP BY k HAVING c > 100 ORDER BY c DESC, k LIMIT 5
SELECT ifNull(cpu, 0) AS k, count() AS c, max(lcp) FROM pageviews GROUP BY k ORDER BY k
SELECT ifNull(cpu, 0) AS k, count() AS c FROM pageviews GROUP BY k HAVING c > 100 ORDER BY c DESC, k LIMIT 5
SELECT site, device, count() FROM pageviews GROUP BY site, device ORDER BY site, device
SELECT site, device, count() FROM pageviews GROUP BY 1, 2 ORDER BY 1, 2
SELECT country, device, site, count() AS c FROM pageviews GROUP BY country, device, site ORDER BY c DESC, 1, 2, 3 LIMIT 10
SELECT count() FROM pageviews GROUP BY site ORDER BY site
SELECT max(lcp) FROM pageviews GROUP BY site ORDER BY max(lcp)
SELECT site FROM pageviews GROUP BY site ORDER BY count() DESC, site
SELECT site, count() AS c FROM pageviews GROUP BY site HAVING c > 300 AND max(lcp) > 1000 ORDER BY site
SELECT site, count() FROM pageviews GROUP BY site HAVING site != 'shop' ORDER BY site
SELECT upper(site), count() FROM pageviews GROUP BY upper(site) ORDER BY 1
SELECT site, upper(site), count() FROM pageviews GROUP BY site ORDER BY site
SELECT error_count + 1 AS e, e * 2, count() FROM pageviews GROUP BY e ORDER BY e
SELECT 1 AS one, count() FROM pageviews GROUP BY one
SELECT count() FROM pageviews HAVING count() > 10
SELECT count() FROM pageviews HAVING count() > 100000

-- order and limit
SELECT lcp FROM pageviews ORDER BY lcp LIMIT 5
SELECT lcp FROM pageviews ORDER BY lcp DESC LIMIT 5
SELECT lcp FROM pageviews WHERE view_id < 20000000 ORDER BY lcp NULLS FIRST, view_id LIMIT 9
SELECT lcp FROM pageviews WHERE view_id < 20000000 ORDER BY lcp DESC NULLS FIRST, view_id LIMIT 9
SELECT lcp FROM pageviews WHERE view_id < 20000000 ORDER BY lcp ASC NULLS LAST, view_id
SELECT site, view_id FROM pageviews ORDER BY site DESC, view_id ASC LIMIT 4
SELECT view_id FROM pageviews ORDER BY view_id LIMIT 3 OFFSET 2
SELECT view_id FROM pageviews ORDER BY view_id LIMIT 2, 3
SELECT view_id FROM pageviews ORDER BY view_id OFFSET 1498
SELECT view_id FROM pageviews ORDER BY view_id DESC LIMIT 2
SELECT site FROM pageviews ORDER BY length(site), site, view_id LIMIT 3
SELECT view_id FROM pageviews ORDER BY view_id LIMIT 0
SELECT view_id FROM pageviews ORDER BY view_id LIMIT 3 OFFSET 5000
SELECT lcp / 0 AS x, view_id FROM pageviews WHERE lcp IS NOT NULL ORDER BY x, view_id LIMIT 2
SELECT site, lcp FROM pageviews ORDER BY 2 DESC, 1 LIMIT 3
SELECT country, path, count() AS c FROM pageviews GROUP BY country, path ORDER BY country, c DESC, path LIMIT 2 BY country
SELECT country, path, count() AS c FROM pageviews GROUP BY country, path ORDER BY country, c DESC, path LIMIT 1 OFFSET 1 BY country
SELECT country, path, count() AS c FROM pageviews GROUP BY country, path ORDER BY c DESC, country, path LIMIT 1 BY country LIMIT 3
SELECT site, device, view_id FROM pageviews ORDER BY view_id LIMIT 1 BY site, device
SELECT site, view_id FROM pageviews ORDER BY view_id LIMIT 2 BY site LIMIT 4 OFFSET 1
SELECT DISTINCT device FROM pageviews ORDER BY device LIMIT 2
SELECT DISTINCT count() > 100 FROM pageviews GROUP BY site
SELECT DISTINCT lcp IS NULL FROM pageviews ORDER BY 1

-- totals
SELECT site, count() FROM pageviews GROUP BY site WITH TOTALS ORDER BY site
SELECT site, count(), max(lcp), min(ts), uniqExact(path), quantileExact(0.5)(lcp) FROM pageviews GROUP BY site WITH TOTALS ORDER BY site
SELECT site, device, count() AS c FROM pageviews GROUP BY site, device WITH TOTALS HAVING c > 200 ORDER BY site, device
SELECT viewport_width, count() FROM pageviews GROUP BY viewport_width WITH TOTALS ORDER BY viewport_width
SELECT site, topK(2)(device), argMax(path, view_id) FROM pageviews GROUP BY site WITH TOTALS ORDER BY site
SELECT site, count() FROM pageviews GROUP BY site WITH TOTALS ORDER BY site LIMIT 1
SELECT toDate(ts) AS d, count() FROM pageviews GROUP BY d WITH TOTALS ORDER BY d
SELECT site, round(avg(lcp), 5), round(stddevPop(lcp), 3) FROM pageviews GROUP BY site WITH TOTALS ORDER BY site
SELECT upper(site) AS s, count() + 1 FROM pageviews GROUP BY s WITH TOTALS ORDER BY s
SELECT 5 AS k, 'x' AS s, count() FROM pageviews GROUP BY k, s WITH TOTALS
SELECT upper('a') AS k, site, k || 'b', count() FROM pageviews GROUP BY k, site WITH TOTALS ORDER BY site
SELECT toInt64(fromUnixTimestamp64Milli(-1500)), toInt64(fromUnixTimestamp64Milli(-500)), toInt16(fromUnixTimestamp64Milli(-2000))
-- differs: ClickHouse writes the totals of no rows before the names
SELECT site, sum(error_count), avg(error_count) > 0 FROM pageviews WHERE 0 GROUP BY site WITH TOTALS
-- differs: NULL has no type of its own: here it is a Nullable(UInt8), there a Nullable(Nothing)
SELECT NULL
-- differs: the same
SELECT NOT NULL, any(NULL), min(NULL), []
-- differs: ClickHouse names a folded condition by its value
SELECT if(0, intDiv(1, 0), 5)
-- differs: quantile is exact or within 0.4 %, ClickHouse's takes a sample of more than 8192 values and its TDigest is approximate
SELECT quantileTDigest(0.5)(lcp) FROM pageviews
-- differs: tuples are no values here
SELECT (1, 2)

-- filling
SELECT error_count AS e, count() FROM pageviews GROUP BY e ORDER BY e WITH FILL TO 6
SELECT error_count AS e, count() FROM pageviews GROUP BY e ORDER BY e DESC WITH FILL FROM 6
SELECT viewport_width AS w, count() AS c, 'x' AS s FROM pageviews WHERE w < 400 GROUP BY w ORDER BY w WITH FILL FROM 350 TO 400 STEP 10
SELECT toStartOfHour(ts) AS h, count() AS c FROM pageviews WHERE site = 'docs' AND country = 'JP' GROUP BY h ORDER BY h WITH FILL STEP 3600 LIMIT 20
SELECT toStartOfHour(ts) AS h, count() AS c FROM pageviews WHERE site = 'docs' AND country = 'JP' GROUP BY h ORDER BY h WITH FILL FROM toDateTime('2026-05-28 12:00:00') TO toDateTime('2026-05-29 06:00:00') STEP INTERVAL 1 HOUR
SELECT toDate(ts) AS d, count() AS c FROM pageviews GROUP BY d ORDER BY d WITH FILL FROM toDate('2026-05-25') TO toDate('2026-06-03')
SELECT toDate(ts) AS d, max(lcp) FROM pageviews GROUP BY d ORDER BY d DESC WITH FILL FROM toDate('2026-06-02') TO toDate('2026-05-26') STEP INTERVAL -1 DAY
SELECT site, error_count AS e, count() FROM pageviews GROUP BY site, e ORDER BY site, e WITH FILL FROM 0 TO 5
SELECT toStartOfMonth(ts) AS m, count() FROM pageviews GROUP BY m ORDER BY m WITH FILL FROM toDate('2026-01-01') TO toDate('2026-08-01') STEP INTERVAL 1 MONTH
SELECT dpr, count() FROM pageviews WHERE dpr > 0 GROUP BY dpr ORDER BY dpr WITH FILL STEP 0.5
SELECT error_count AS e FROM pageviews WHERE 0 GROUP BY e ORDER BY e WITH FILL FROM 1 TO 4
SELECT cpu AS c, count() FROM pageviews GROUP BY c ORDER BY c WITH FILL FROM 1 TO 6 LIMIT 3

-- subqueries
SELECT count() FROM (SELECT lcp FROM pageviews WHERE site = 'shop')
SELECT site, c FROM (SELECT site, count() AS c FROM pageviews GROUP BY site) ORDER BY site
-- once
SELECT sum(c) FROM (SELECT site, count() AS c FROM pageviews GROUP BY site)
SELECT site, quantileExact(0.5)(lcp) FROM (SELECT site, lcp FROM pageviews WHERE lcp > 1000) GROUP BY site ORDER BY site
SELECT * FROM (SELECT site, device FROM pageviews ORDER BY view_id LIMIT 3) ORDER BY site, device
SELECT x.site FROM (SELECT site FROM pageviews ORDER BY view_id LIMIT 3) AS x ORDER BY site
SELECT s, count() FROM (SELECT upper(site) AS s FROM pageviews) GROUP BY s ORDER BY s
SELECT path, count() FROM pageviews WHERE path IN (SELECT path FROM pageviews GROUP BY path ORDER BY count() DESC, path LIMIT 3) GROUP BY path ORDER BY path
SELECT count() FROM pageviews WHERE view_id IN (SELECT view_id FROM errors)
SELECT count() FROM pageviews WHERE view_id NOT IN (SELECT view_id FROM errors)
SELECT count() FROM pageviews WHERE country IN (SELECT country FROM errors WHERE line > 50) AND lcp IN (SELECT lcp FROM pageviews WHERE lcp > 3000)
SELECT count() FROM pageviews WHERE lcp > (SELECT quantileExact(0.9)(lcp) FROM pageviews)
SELECT (SELECT max(lcp) FROM pageviews) AS m
WITH (SELECT max(lcp) FROM pageviews) AS m SELECT site, max(lcp) = m FROM pageviews GROUP BY site ORDER BY site
WITH t AS (SELECT site, lcp FROM pageviews WHERE lcp > 2500) SELECT site, count() FROM t GROUP BY site ORDER BY site
WITH t AS (SELECT site, count() AS c FROM pageviews GROUP BY site) SELECT site FROM t WHERE c > 300 ORDER BY site
SELECT a + b FROM (SELECT 1 AS a, 2 AS b)
-- once
SELECT max(c), min(c) FROM (SELECT count() AS c FROM pageviews GROUP BY path)
SELECT h, c FROM (SELECT toHour(ts) AS h, count() AS c FROM pageviews GROUP BY h) WHERE c > 60 ORDER BY h
SELECT d, c FROM (SELECT d, count() AS c FROM (SELECT toDate(ts) AS d FROM pageviews) GROUP BY d) ORDER BY d
SELECT t['plan'] AS p, count() FROM (SELECT tags AS t FROM pageviews) GROUP BY p ORDER BY p
SELECT count(), sum(a) FROM (SELECT if(lcp > 2500, 1, 0) AS a FROM pageviews)
SELECT lcp FROM (SELECT lcp, view_id FROM pageviews ORDER BY view_id LIMIT 10) WHERE lcp IS NOT NULL ORDER BY view_id
SELECT 1 IN (SELECT 1), 2 IN (SELECT 1), 'a' IN (SELECT 'a')
SELECT count() FROM pageviews WHERE toDate(ts) IN (SELECT toDate('2026-05-29'))
SELECT count() FROM pageviews WHERE error_count IN (SELECT toUInt64(1))
SELECT site, (SELECT count() FROM errors) AS e, count() FROM pageviews GROUP BY site ORDER BY site

-- arrays and maps
SELECT [1, 2, 3] AS a, a[1], a[-1], length(a)
SELECT ['a', 'b'] AS a, a[2], has(a, 'b'), has(a, 'c')
SELECT [1.5, 2.5], [1, -1], [256, 1]
SELECT length([]), empty([1])
SELECT tags['plan'] AS p, count() FROM pageviews GROUP BY p ORDER BY p
SELECT mapKeys(tags) AS k, count() FROM pageviews GROUP BY k ORDER BY count(), 2 LIMIT 0
SELECT mapContains(tags, 'plan') AS m, count() FROM pageviews GROUP BY m ORDER BY m
SELECT length(tags) AS l, count() FROM pageviews GROUP BY l ORDER BY l
SELECT mapKeys(tags), mapValues(tags) FROM pageviews ORDER BY view_id LIMIT 4
SELECT topK(2)(device)[1] FROM pageviews
SELECT has([360, 1280], viewport_width) AS h, mapContains(tags, nullIf(device, 'mobile')) AS c, count() FROM pageviews WHERE NOT has([390], viewport_width) GROUP BY h, c ORDER BY h, c
SELECT ifNotFinite(lcp / error_count, 0) AS x, ifNotFinite(viewport_width, -1) AS y, ifNotFinite(1 / 0, lcp) FROM pageviews ORDER BY view_id LIMIT 20
SELECT mapKeys(tags) AS k, count() FROM pageviews GROUP BY k ORDER BY count() DESC, max(view_id)
SELECT DISTINCT [cpu IS NULL, 1] AS k FROM pageviews ORDER BY k[1]
SELECT mapValues(tags) AS k, site, count() FROM pageviews GROUP BY k, site WITH TOTALS ORDER BY count() DESC, max(view_id) LIMIT 7
-- once
SELECT k[1] AS z, sum(c) FROM (SELECT mapKeys(tags) AS k, count() AS c FROM pageviews GROUP BY k) GROUP BY z ORDER BY z
SELECT [toDate(ts)] AS k, count() FROM pageviews GROUP BY k ORDER BY k[1]
SELECT quantilesExact(0.5, 0.9)(lcp)[2] FROM pageviews
SELECT 2 IN [1, 2], 3 IN (1, 2)
SELECT tags FROM pageviews WHERE tags['step'] = '1' ORDER BY view_id LIMIT 2

-- conversions
SELECT CAST(error_count AS UInt8), CAST('7', 'UInt8'), error_count::UInt8 FROM pageviews ORDER BY view_id LIMIT 2
SELECT CAST(error_count AS UInt16), CAST('7', 'UInt16'), error_count::UInt16 FROM pageviews ORDER BY view_id LIMIT 2
SELECT CAST(error_count AS UInt32), CAST('7', 'UInt32'), error_count::UInt32 FROM pageviews ORDER BY view_id LIMIT 2
SELECT CAST(error_count AS UInt64), CAST('7', 'UInt64'), error_count::UInt64 FROM pageviews ORDER BY view_id LIMIT 2
SELECT CAST(error_count AS Int8), CAST('7', 'Int8'), error_count::Int8 FROM pageviews ORDER BY view_id LIMIT 2
SELECT CAST(error_count AS Int16), CAST('7', 'Int16'), error_count::Int16 FROM pageviews ORDER BY view_id LIMIT 2
SELECT CAST(error_count AS Int32), CAST('7', 'Int32'), error_count::Int32 FROM pageviews ORDER BY view_id LIMIT 2
SELECT CAST(error_count AS Int64), CAST('7', 'Int64'), error_count::Int64 FROM pageviews ORDER BY view_id LIMIT 2
SELECT CAST(error_count AS Float64), CAST('7', 'Float64'), error_count::Float64 FROM pageviews ORDER BY view_id LIMIT 2
SELECT CAST(error_count AS String), CAST('7', 'String'), error_count::String FROM pageviews ORDER BY view_id LIMIT 2
SELECT CAST(lcp AS Nullable(UInt32)) FROM pageviews ORDER BY view_id LIMIT 4
SELECT CAST(ts AS Date), CAST(ts AS DateTime), toDate(ts)::String FROM pageviews ORDER BY view_id LIMIT 2
SELECT toUInt32OrZero(browser_version), toUInt8OrNull(device) FROM pageviews ORDER BY view_id LIMIT 2
SELECT toInt32('-5'), toUInt64('18446744073709551615'), toFloat64('-1.5e3')
SELECT toUInt8(-1), toInt8(200), toUInt16(65537)
SELECT toUInt8(true), toBool(2), toBool('true'), CAST(0 AS Bool)
SELECT CAST('x' AS Nullable(UInt8)), CAST('300' AS Nullable(UInt8)), CAST('-7' AS Nullable(Int16)), CAST('' AS Nullable(Float64)), CAST('x' AS Nullable(Date)), CAST('2026-13-01' AS Nullable(DateTime))
SELECT CAST(device AS Nullable(Float64)) AS a, CAST(browser_version AS Nullable(UInt8)) AS b, count() FROM pageviews GROUP BY a, b ORDER BY a, b
SELECT toInt8('+5'), toInt64OrNull('+5'), toInt64('99999999999999999999999'), toUInt64('18446744073709551616'), toUInt64OrNull('18446744073709551616'), toInt64OrNull('-9223372036854775809')
SELECT toBool('yes'), toBool('TRUE'), toBool('False'), toBool('t'), toBool('N'), toBool('on'), toBool('Enable'), toBool('disabled'), toBool(nan)
SELECT toDateTime64(-1, 3), toDateTime64(-1.5, 3), toDateTime64(4294967296, 3), toDateTime64(10413792000, 3), toDateTime64(1e12, 3), toDateTime64(-2208988801, 3), toDateTime64(-1e12, 3), CAST(-1.5 AS DateTime64(3))
SELECT toDateTime64('1899-12-31 23:59:59', 3), toDateTime64('9999-12-31 23:59:59', 3), toDate('9999-12-31'), toDate('1899-12-31'), toDateTime('9999-12-31 00:00:00'), toString(fromUnixTimestamp64Milli(-50000000000000)), fromUnixTimestamp64Milli(-50000000000000)
SELECT count() FROM pageviews WHERE ts > '0001-01-01 00:00:00' AND ts < '9999-12-31'
SELECT nullIf(1, 1) + 1, toInt64OrNull('a') + 1, sqrt(toUInt8OrNull('a')), toDateTime64(toInt8OrNull(''), 3), toDateTime(toInt16OrNull('x')), upper(nullIf('a', 'a')), toUInt32(CAST(NULL AS Nullable(Float64)))
SELECT CAST(1 AS Nullable(UInt8)) = '1', toInt8OrNull('5') > '4', toInt8OrNull('x') = '4'
SELECT -toInt8(-128), abs(toInt8(-128)), -toInt64(-9223372036854775808), -toUInt64(18446744073709551615), -(-128)
SELECT toDateTime(0) - INTERVAL 1 SECOND, toDateTime(0) - INTERVAL 1 WEEK, toDateTime(0) - INTERVAL 1 MONTH, toDateTime(0) - INTERVAL 1 YEAR, toDateTime(4294967295) + INTERVAL 1 YEAR, toDate(0) - INTERVAL 1 DAY, toDate(0) - INTERVAL 1 QUARTER, toDate(65535) + INTERVAL 100 YEAR, toDateTime(4294967295) - toDateTime(0), toDate(65535) - toDate(0)
SELECT count() FROM pageviews WHERE ts > toDateTime('2026-06-01 00:00:00') - INTERVAL 100 YEAR
SELECT toDateTime('1767225600'), toDateTime64('1767225600.5', 3), CAST('1767225600' AS DateTime), toDateTime64('1767225600.1239', 3), toDateTime('176722560')
SELECT count() FROM pageviews WHERE ts > '1780100000.5' AND ts <= '1780200000'
SELECT addDays(toDate('2026-01-01'), 5), subtractHours(toDateTime(0), -1), addMonths(toDate('2026-01-31'), 1), addYears(toDateTime64('2024-02-29 00:00:00.5', 3), 1), addWeeks(toDate(0), 2), subtractQuarters(toDateTime('2026-01-01 00:00:00'), 1), addMinutes(toDate(0), 1), addSeconds(toDateTime(5), -5)
SELECT now() - toIntervalHour(3) < now(), toDate('2026-01-01') + toIntervalMonth(2), toStartOfInterval(toDate('2026-02-03'), toIntervalWeek(1)), toStartOfInterval(toDateTime('2026-02-03 01:02:03'), toIntervalMinute(15))
SELECT addDays(toDate(ts), 1) AS d, count() FROM pageviews GROUP BY d ORDER BY d WITH FILL FROM toDate('2026-05-25') TO toDate('2026-06-03') STEP toIntervalDay(1)
SELECT toStartOfWeek(toDate('2026-02-03'), 1), toStartOfWeek(toDate('2026-02-03'), 0), toStartOfWeek(toDate('2026-02-01'), 3), toStartOfWeek(toDateTime('2026-02-01 00:00:00'), 2), toStartOfWeek(toDate('2026-02-01'), 9)
SELECT toStartOfWeek(ts, 1) AS w, count() FROM pageviews WHERE toStartOfWeek(ts, 1) >= '2026-05-25' GROUP BY w ORDER BY w
SELECT toDate('2026-01-01')::date, CAST('2026-01-01' AS DATE), CAST(1 AS INT), CAST('1' AS BIGINT), CAST(1 AS VARCHAR), CAST(1 AS DOUBLE), CAST(1 AS smallint), CAST(1 AS TinyInt), CAST(1 AS BOOLEAN), CAST('2026-01-01 00:00:00' AS TIMESTAMP), CAST('a' AS char), '1'::Text, CAST('x' AS Nullable(INT))
SELECT '\x41', '\N', 'a\Nb', '\x41\x42', length('\x00'), '\xc3\xa9', match('a.b', 'a\x2e'), match('a.b', 'a\\x2eb')
SELECT count() FROM pageviews WHERE path LIKE '%\x2fb%'

-- errors: the same code
SELECT 1 + INTERVAL 1 DAY
SELECT addDays(1, 1)
SELECT toInt8(1 / 0)
SELECT toInt64(-1 / 0)
SELECT CAST(nan AS Nullable(Int8))
SELECT toDateTime64(nan, 3)
SELECT toFloat64('abc')
SELECT toFloat64('1.5abc')
SELECT toFloat64('')
SELECT toInt32('-')
SELECT toUInt8('-1')
SELECT toUInt8('')
SELECT toBool('abc')
SELECT intDiv(4294967295, 1.5)
SELECT intDiv(toInt64(9223372036854775807), 1.0)
SELECT CAST(1 AS Nullable(UInt8)) = 'x'
SELECT nosuch FROM pageviews
SELECT nosuch(1)
SELECT 1 FROM nosuch
SELECT
SELECT 1 +
SELECT count( FROM pageviews
SELECT sum(site) FROM pageviews
SELECT lower(1)
SELECT site FROM pageviews GROUP BY device
SELECT count() FROM pageviews WHERE count() > 1
SELECT sum(sum(lcp)) FROM pageviews
SELECT intDiv(1, 0)
SELECT toUInt8('x')
SELECT toDate('x')
SELECT toDateTime('soon')
SELECT toDateTime('2026-02-30 00:00:00')
SELECT toDateTime64('2025-02-29', 3)
SELECT count() FROM pageviews WHERE ts < '2026-04-31 00:00:00'
SELECT 1 FROM pageviews WHERE site
SELECT quantile(2)(lcp) FROM pageviews
SELECT length()
SELECT if(1, 2)
SELECT 1 LIMIT 'a'
SELECT site FROM pageviews ORDER BY 9
SELECT 'a' + 1
SELECT (SELECT site FROM pageviews)
SELECT 1 AS n ORDER BY n WITH FILL STEP 0
SELECT 'a' AS n ORDER BY n WITH FILL
SELECT 1 UNION
SELECT topK(0)(site) FROM pageviews
SELECT CAST('x' AS UInt8)
SELECT lcp['a'] FROM pageviews

-- units of time
-- differs: no DateTime64(0)
SELECT date_trunc('hour', ts) AS h, count() FROM pageviews GROUP BY h ORDER BY h LIMIT 3
-- differs: no Date32
SELECT date_trunc('week', ts) AS h, count() FROM pageviews GROUP BY h ORDER BY h LIMIT 3
SELECT toString(date_trunc('second', ts)), toString(date_trunc('minute', ts)), toString(date_trunc('hour', ts)), toString(dateTrunc('day', ts)), toString(dateTrunc('week', ts)), toString(dateTrunc('month', ts)), toString(DATE_TRUNC('QUARTER', ts)), toString(Date_Trunc('Year', ts)) FROM pageviews ORDER BY ts, view_id
SELECT date_trunc('second', toDateTime(ts)), date_trunc('minute', toDateTime(ts)), date_trunc('hour', toDateTime(ts)), date_trunc('day', toDateTime(ts)), date_trunc('week', toDateTime(ts)), date_trunc('month', toDateTime(ts)), date_trunc('quarter', toDateTime(ts)), date_trunc('year', toDateTime(ts)) FROM pageviews ORDER BY ts, view_id LIMIT 9
SELECT date_trunc('day', toDate(ts)), date_trunc('week', toDate(ts)), date_trunc('month', toDate(ts)), date_trunc('quarter', toDate(ts)), date_trunc('year', toDate(ts)) FROM pageviews ORDER BY ts, view_id LIMIT 9
SELECT date_trunc('hour', toDateTime(ts)), count(), max(lcp) FROM pageviews GROUP BY date_trunc('hour', toDateTime(ts)) ORDER BY date_trunc('hour', toDateTime(ts))
WITH 'day' AS u SELECT date_trunc(u, toDateTime(ts)) AS t, count() FROM pageviews WHERE date_trunc(u, ts) >= '2026-05-30' GROUP BY t ORDER BY t
SELECT date_trunc('hour', toDate(ts)) FROM pageviews LIMIT 1
SELECT date_trunc('fortnight', ts) FROM pageviews LIMIT 1
SELECT date_trunc('h', ts) FROM pageviews LIMIT 1
SELECT date_trunc(site, ts) FROM pageviews LIMIT 1
SELECT date_trunc('hour', lcp) FROM pageviews LIMIT 1
SELECT date_trunc('hour', '2026-06-03 12:10:00')
SELECT date_trunc('hour') FROM pageviews LIMIT 1
SELECT DATEDIFF(hour, ts, toDateTime('2026-06-03 12:00:00')), date_diff(DAY, ts, toDate('2026-06-03')), timestampDiff(MINUTES, ts, toDateTime('2026-06-03 12:00:00')), TIMESTAMP_DIFF('wk', ts, toDateTime('2026-06-03 12:00:00')), dateDiff('MM', ts, toDateTime('2027-06-03 12:00:00')) FROM pageviews ORDER BY ts, view_id LIMIT 5
SELECT dateDiff('ms', ts, toDateTime('2026-06-03 12:00:00')), dateDiff(millisecond, ts, ts + INTERVAL 1 SECOND), dateDiff('ss', toDate('2026-06-03'), toDate('2026-06-02')), dateDiff('n', ts, toDate('2026-06-03')), dateDiff('QQ', ts, toDate('2026-07-01')), dateDiff('YYYY', ts, toDate('2036-07-01')) FROM pageviews ORDER BY ts, view_id LIMIT 5
SELECT 1 AS day, dateDiff(day, toDate('2026-06-07'), toDate('2026-06-09'))
SELECT dateDiff('lustrum', ts, ts) FROM pageviews LIMIT 1
SELECT dateAdd(HOUR, 2, ts), date_add(day, 2, toDate(ts)), timestampAdd(MONTH, 1, toDateTime(ts)), TIMESTAMP_ADD(ts, INTERVAL 3 WEEK), DATE_ADD(ts, INTERVAL 2 DAY), date_add(YEAR, '1', ts) FROM pageviews ORDER BY ts, view_id LIMIT 3
SELECT dateSub(HOUR, 2, ts), date_sub(day, 1 + 2, toDate(ts)), timestampSub(MONTH, 3, toDateTime(ts)), TIMESTAMP_SUB(ts, INTERVAL 3 WEEK), DATE_SUB(ts, INTERVAL 2 DAY), dateSub(QUARTER, error_count, toDate(ts)) AS q FROM pageviews ORDER BY ts, view_id LIMIT 3
SELECT count() FROM pageviews WHERE ts >= date_sub(DAY, 1, toDateTime('2026-05-30 00:00:00')) AND ts < dateAdd(INTERVAL 12 HOUR, toDateTime('2026-05-30 00:00:00'))
SELECT dateAdd('hour', 2, ts) FROM pageviews LIMIT 1
SELECT date_add(day, 1) FROM pageviews LIMIT 1
SELECT EXTRACT(HOUR FROM ts), extract(day from ts), extract(MONTH FROM toDate(ts)), extract(years from ts), extract(mi from ts), extract(second from toDateTime(ts)), extract(quarter FROM ts), extract(week from ts), extract(dow from ts), extract(isodow from ts), extract(doy from ts), extract(epoch from ts) FROM pageviews ORDER BY ts, view_id LIMIT 9
SELECT extract(hour FROM ts + INTERVAL 1 HOUR) AS h, count() FROM pageviews GROUP BY h ORDER BY h
SELECT extract(fortnight FROM ts) FROM pageviews LIMIT 1
SELECT extract(day FROM lcp) FROM pageviews LIMIT 1
SELECT toDate('2026-01-31') + INTERVAL 1 mm, toDate('2026-01-31') - INTERVAL 1 yy, toDateTime('2026-01-31 00:00:00') + INTERVAL 2 h, INTERVAL 3 dd + toDate('2026-01-31'), toDate('2026-01-31') + INTERVAL 1 SQL_TSI_WEEK
SELECT toDayOfWeek(ts, 0), toDayOfWeek(ts, 1), toDayOfWeek(ts, 2), toDayOfWeek(ts, 3), toDayOfWeek(ts, 5), toDayOfWeek(toDate(ts) - 9000, 2), count() FROM pageviews GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1
SELECT toDayOfWeek(ts, -1) FROM pageviews LIMIT 1
SELECT date_trunc('yyyy', toDateTime(ts)) FROM pageviews LIMIT 1
SELECT date_trunc('HOUR', toDateTime(ts)) AS t FROM pageviews ORDER BY t LIMIT 1
SELECT date_trunc('week', toDateTime('1970-01-01 00:00:00')), date_trunc('month', toDateTime(0)), date_trunc('quarter', toDateTime(86399)), date_trunc('year', toDate(0)), date_trunc('day', toDateTime(1))
SELECT date_trunc('week', toDateTime('2106-02-07 06:28:15')), date_trunc('month', toDateTime(4294967295)), date_trunc('hour', toDateTime(4294967295)), date_trunc('day', toDateTime(4294967295)), date_trunc('year', toDate(65535)), date_trunc('week', toDate(65535))
SELECT date_add(second, 1, toDateTime(4294967294)), date_sub(second, 1, toDateTime(1)), date_add(day, 1, toDate(65534)), date_sub(day, 1, toDate(1))
SELECT dateDiff(week, toDate(0), toDate(65535)), dateDiff(millisecond, toDateTime(0), toDateTime(4294967295)), dateDiff(quarter, toDate(0), toDate(65535)), dateDiff('hour', toDateTime(0), toDateTime(4294967295))
SELECT extract(dow FROM toDate(0)), extract(week FROM toDate(0)), extract(doy FROM toDate(65535)), extract(epoch FROM toDateTime(4294967295)), toDayOfWeek(toDate(0), 3), toDayOfWeek(toDate(65535), 1)
SELECT date_trunc('hour', toDateTime(ts)) AS h, count() FROM pageviews WHERE date_trunc('hour', toDateTime(ts)) = '2026-05-29 03:00:00' GROUP BY ALL
SELECT count() FROM pageviews WHERE date_trunc('day', ts, 'UTC') IN ('2026-05-29 00:00:00', '2026-05-30 00:00:00')
SELECT count() FROM pageviews WHERE toStartOfInterval(ts, INTERVAL 6 HOUR, 'UTC') > '2026-05-29 12:00:00' AND toStartOfWeek(ts, 1, 'UTC') <= '2026-06-01'

-- time zones: types say nothing of them
SELECT toString(toStartOfHour(ts, 'UTC')), toString(toStartOfMinute(ts, 'UTC')), toString(toStartOfFiveMinutes(ts, 'Etc/UTC')), toString(toStartOfDay(ts, 'GMT')), toString(toStartOfInterval(ts, INTERVAL 15 minute, 'UTC')), toString(date_trunc('hour', ts, 'UTC')), toString(toDateTime(ts, 'UTC')), toString(toDateTime64(ts, 3, 'UTC')), toString(toTimeZone(ts, 'UTC')), toString(toTimezone(toDateTime(ts), 'UTC')) FROM pageviews ORDER BY ts, view_id
SELECT toDate(ts, 'UTC'), toDate('2026-06-01', 'UTC'), toDate(1780000000, 'UTC'), toMonday(ts, 'UTC'), toStartOfWeek(ts, 1, 'UTC'), toStartOfMonth(ts, 'UTC'), toStartOfQuarter(ts, 'UTC'), toStartOfYear(ts, 'UTC'), toStartOfInterval(ts, INTERVAL 1 MONTH, 'UTC') FROM pageviews ORDER BY ts, view_id LIMIT 9
SELECT toYear(ts, 'UTC'), toQuarter(ts, 'UTC'), toMonth(ts, 'UTC'), toISOWeek(ts, 'UTC'), toDayOfYear(ts, 'UTC'), toDayOfMonth(ts, 'UTC'), toDayOfWeek(ts, 0, 'UTC'), toHour(ts, 'UTC'), toMinute(ts, 'UTC'), toSecond(ts, 'UTC'), toYYYYMM(ts, 'UTC'), toYYYYMMDD(ts, 'UTC'), toUnixTimestamp(ts, 'UTC'), formatDateTime(ts, '%F %T %z', 'UTC'), dateDiff('hour', ts, toDate('2026-06-03'), 'UTC'), toString(toDateTime(ts), 'UTC') FROM pageviews ORDER BY ts, view_id LIMIT 99
SELECT toHour(ts, 'UTC') AS h, count() FROM pageviews WHERE ts >= toDateTime('2026-05-29 12:00:00', 'UTC') AND ts < toDateTime64('2026-05-30 12:00:00.5', 3, 'UTC') AND toTimeZone(ts, 'UTC') < now('UTC') GROUP BY h ORDER BY h
SELECT toString(fromUnixTimestamp64Milli(1780000000123, 'UTC')), now('UTC') = now(), toUnixTimestamp(toDateTime('2026-06-01 00:00:00', 'UTC'))
SELECT toHour(ts, 'UTC'), count() FROM pageviews GROUP BY toHour(ts, 'UTC') ORDER BY toHour(ts, 'UTC')
-- differs: all times are UTC
SELECT toHour(ts, 'Europe/Berlin') FROM pageviews LIMIT 1
-- differs: all times are UTC
SELECT date_trunc('hour', ts, 'America/New_York') FROM pageviews LIMIT 1
SELECT toHour(ts, 5) FROM pageviews LIMIT 1
SELECT toHour(ts, 'UTC', 'UTC') FROM pageviews LIMIT 1
SELECT today('UTC')
SELECT toUnixTimestamp64Milli(ts, 'UTC') FROM pageviews LIMIT 1

-- GROUP BY ALL, ORDER BY ALL
SELECT site, count() FROM pageviews GROUP BY ALL ORDER BY ALL
SELECT site AS s, device, lower(site) AS l, count() AS c, c * 2 AS d, 5 AS five FROM pageviews GROUP BY ALL ORDER BY ALL
SELECT site, count() + length(device) FROM pageviews GROUP BY ALL ORDER BY ALL
SELECT site, count() + length(site) FROM pageviews GROUP BY ALL ORDER BY ALL
SELECT count() FROM pageviews GROUP BY ALL
SELECT site FROM pageviews GROUP BY ALL ORDER BY ALL DESC
SELECT site, device, count() FROM pageviews GROUP BY ALL ORDER BY ALL DESC LIMIT 3
SELECT site, device, count() FROM pageviews GROUP BY ALL WITH TOTALS ORDER BY ALL
SELECT * FROM (SELECT site, device FROM pageviews) ORDER BY ALL LIMIT 3
SELECT * FROM (SELECT site, device FROM pageviews) GROUP BY ALL ORDER BY ALL LIMIT 3
SELECT DISTINCT site, device FROM pageviews ORDER BY ALL
SELECT lcp FROM pageviews ORDER BY ALL DESC NULLS FIRST LIMIT 3
SELECT site, count() FROM pageviews GROUP BY ALL, site
SELECT toStartOfDay(ts) AS d, site, count() FROM pageviews GROUP BY ALL ORDER BY ALL LIMIT 3
SELECT site, quantile(0.5)(lcp) > 100 AND site = 'shop' AS x FROM pageviews GROUP BY ALL ORDER BY ALL
-- once
SELECT max(c) FROM (SELECT site, count() AS c FROM pageviews GROUP BY ALL)
SELECT 1 AS one, count() FROM pageviews GROUP BY ALL
SELECT (SELECT max(lcp) FROM pageviews) AS m, site, count() FROM pageviews GROUP BY ALL ORDER BY ALL
SELECT site, count() FROM pageviews GROUP BY ALL HAVING count() > 380 ORDER BY count() DESC
SELECT site, count() FROM pageviews GROUP BY ALL ORDER BY ALL WITH FILL
SELECT sum(1) AS s, error_count FROM pageviews GROUP BY ALL ORDER BY ALL WITH FILL
SELECT site + 0, count() FROM pageviews GROUP BY ALL
SELECT site, if(count() > 400, device, 'x') AS y FROM pageviews GROUP BY ALL ORDER BY ALL
SELECT path, countIf(device = 'mobile') AS m, round(m / count(), 3) AS share, if(share > 0.3, 'much', 'little') AS say FROM pageviews GROUP BY ALL ORDER BY ALL
SELECT lower(site) AS site, max(lcp) AS lcp FROM pageviews GROUP BY ALL ORDER BY ALL
SELECT country, device, error_count, count() FROM pageviews WHERE lcp > 100 GROUP BY ALL ORDER BY ALL DESC
SELECT lcp, inp FROM pageviews ORDER BY ALL ASC NULLS LAST LIMIT 20
-- once
SELECT *, upper(site) AS site FROM (SELECT site, country FROM pageviews) GROUP BY ALL ORDER BY ALL LIMIT 3
SELECT site, count() IN (372, 400) AS x FROM pageviews GROUP BY ALL ORDER BY ALL
SELECT site, count() IN (SELECT count() FROM pageviews GROUP BY site) AS x FROM pageviews GROUP BY ALL ORDER BY ALL
SELECT site, (site, device) IN (('blog', 'mobile')) AS x, count() FROM pageviews GROUP BY ALL ORDER BY ALL
SELECT site, (site, any(continent)) IN (('blog', 'EU'), ('docs', 'x')) AS x, count() FROM pageviews GROUP BY ALL ORDER BY site
SELECT DISTINCT upper('x') FROM pageviews GROUP BY ALL
SELECT DISTINCT 1 FROM pageviews GROUP BY ALL
SELECT DISTINCT site, device FROM pageviews GROUP BY ALL ORDER BY ALL
SELECT DISTINCT site, count() > 0 FROM pageviews GROUP BY ALL ORDER BY ALL
SELECT DISTINCT count() > 0 FROM pageviews GROUP BY ALL HAVING count() > 1
SELECT upper('x') AS c FROM pageviews GROUP BY ALL WITH TOTALS LIMIT 2
SELECT 1, count() FROM pageviews GROUP BY ALL WITH TOTALS
SELECT DISTINCT * FROM (SELECT site, device FROM pageviews) ORDER BY ALL
SELECT *, count() FROM (SELECT site, device FROM pageviews) GROUP BY ALL ORDER BY ALL LIMIT 3
WITH x AS (SELECT site, lower(device) FROM pageviews WHERE lcp < 100) SELECT * FROM x ORDER BY ALL
WITH x AS (SELECT site, lower(device) FROM pageviews WHERE lcp < 100) SELECT *, count() FROM x GROUP BY ALL ORDER BY ALL
WITH x AS (SELECT country FROM pageviews WHERE lcp < 100) SELECT count() FROM pageviews WHERE country IN (SELECT * FROM x)
SELECT count() FROM (SELECT * FROM (SELECT site, device FROM pageviews))
SELECT *, count() FROM (SELECT * FROM (SELECT site, device FROM pageviews)) GROUP BY ALL ORDER BY ALL
SELECT max(ts) + toIntervalDay(error_count), error_count FROM pageviews GROUP BY ALL ORDER BY ALL
SELECT max(ts) + INTERVAL error_count DAY AS x, error_count FROM pageviews GROUP BY ALL ORDER BY ALL
SELECT max(ts) + toIntervalDay(error_count) AS x FROM pageviews GROUP BY toIntervalDay(error_count) ORDER BY x
SELECT concat(site, toString(count())) AS site FROM pageviews GROUP BY ALL ORDER BY ALL
SELECT site AS `all`, count() FROM pageviews GROUP BY `all` ORDER BY `all`
SELECT site, device, count() FROM pageviews GROUP BY ALL ORDER BY ALL LIMIT 1 BY site
SELECT CASE WHEN count() BETWEEN 1 AND 400 THEN site ELSE 'big' END AS x FROM pageviews GROUP BY ALL ORDER BY ALL
SELECT toHour(ts) AS h, site FROM pageviews GROUP BY ALL ORDER BY count() DESC, h, site LIMIT 3

-- tuples in IN
SELECT count() FROM pageviews WHERE (country, lcp) IN (('DE', 100), ('US', 2396.7))
SELECT count() FROM pageviews WHERE (country, lcp) NOT IN (('DE', 100), ('US', 2396.7))
SELECT (country, lcp) IN (('DE', 100), ('US', 2396.7)) AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT (country, lcp) NOT IN (('DE', 100), ('US', NULL)) AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT (country, device) IN ('DE', 'mobile') AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT (country, device) IN (('DE', 'mobile')) AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT (country, device) IN [('DE', 'mobile')] AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT count() FROM pageviews WHERE (country, device) IN (('DE','mobile', 1))
SELECT count() FROM pageviews WHERE (country, device) IN (('DE'), ('US'))
SELECT (toDate(ts), site) IN (('2026-05-29', 'shop'), ('2026-05-30', 'docs')) AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT count() FROM pageviews WHERE tuple(country, device) IN (tuple('DE','mobile'), tuple('US','desktop'))
SELECT (country, device) IN (('DE', 'mobile')) FROM pageviews ORDER BY ts LIMIT 1
SELECT (lcp, inp) IN ((1, 2)) FROM pageviews ORDER BY ts LIMIT 3
SELECT (1, 'a') IN ((1, 'a'), (2, 'b')), (1, 2) IN ((1, 3)), (1, NULL) IN ((1, NULL)), (1, NULL) NOT IN ((1, 2))
SELECT (country, device, site) IN (('DE', 'mobile', 'shop')) AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT (country, error_count) IN (('DE', 1), ('US', '2')) AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT (country, error_count) IN (('DE', 1), ('US', 300), ('US', -1), ('FR', 1.5)) AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT (country, error_count) IN (('DE', 'x')) AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT (country, device) IN (('DE', lower('MOBILE'))) AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT in((country, device), (('DE', 'mobile'), ('US', 'mobile'))) AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT count() FROM pageviews WHERE ((country, site), device) IN ((('DE', 'shop'), 'mobile'), (('US', 'blog'), 'tablet'))
SELECT count() FROM pageviews WHERE (ts, site) IN (('2026-05-29 01:00:00', 'shop'))
SELECT count() FROM pageviews WHERE (toStartOfHour(ts), site) IN (('2026-05-29 01:00:00', 'shop'), (toDateTime('2026-05-29 02:00:00'), 'blog'))
SELECT count() FROM pageviews WHERE (toDateTime(ts), site) IN (('2026-05-29 01:00:00', 'shop'), ('nonsense', 'x'))
SELECT count() FROM pageviews WHERE (country, device, error_count, browser) NOT IN (('DE', 'mobile', 0, 'Chrome'), ('US', 'tablet', 1, 'Safari'))
SELECT count() FROM pageviews WHERE NOT ((country, device) IN (('DE', 'mobile'))) AND (site, country) NOT IN (('shop', 'US'))
WITH (country, device) AS t SELECT count() FROM pageviews WHERE t IN (('DE', 'mobile'), ('US', 'tablet'))
SELECT count() FROM pageviews WHERE tuple(site) IN (tuple('shop'), tuple('blog'))
SELECT count() FROM pageviews WHERE (site, device) NOT IN (('shop', 'mobile'), NULL)
SELECT count() FROM pageviews WHERE (lcp, inp) IN ((1.7, 339), (3.3, 395.0), (9.1, NULL))
SELECT count() FROM pageviews WHERE (NULL, site) IN ((1, 'shop'))
SELECT count() FROM pageviews WHERE (save_data, asn) IN ((true, 1000), (0, '2000'))
SELECT country, device, count() FROM pageviews WHERE (country, device) IN (('DE', 'mobile'), ('DE', 'mobile'), ('US', 'tablet'), ('', 'desktop'), ('FR', '')) GROUP BY ALL ORDER BY ALL
SELECT country, device, count() FROM pageviews WHERE (country, device) NOT IN (('DE', 'mobile'), ('US', 'tablet'), ('', 'desktop'), ('FR', '')) GROUP BY ALL ORDER BY ALL
SELECT count() FROM pageviews WHERE (inp, save_data, site) IN ((339, 1, 'shop'), (339, NULL, 'blog'), (NULL, 0, 'docs'), (395, 0, 'docs'))
SELECT count() FROM pageviews WHERE (inp, save_data, site) NOT IN ((339, 1, 'shop'), (339, NULL, 'blog'), (NULL, 0, 'docs'), (395, 0, 'docs'))
SELECT (lcp / 0, site) IN ((inf, 'shop'), (nan, 'blog')) AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT toDate(ts) AS day, site, count() FROM pageviews WHERE (day, site) IN (('2026-05-29', 'shop'), ('2026-05-30', 'docs'), ('2020-01-01', 'blog')) OR (day, country) IN (('2026-05-29', 'JP')) GROUP BY day, site ORDER BY day, site
SELECT site, countIf((device, country) IN (('mobile', 'DE'), ('tablet', 'JP'))) AS x, quantileIf(0.5)(lcp, (device, country) NOT IN (('mobile', 'DE'))) FROM pageviews GROUP BY site HAVING (site, x > 0) IN (('shop', 1), ('blog', 1)) ORDER BY site
SELECT count() FROM pageviews WHERE (tags['plan'], tags['step'], site) IN (('free', '0', 'shop'), ('', '', 'docs'), ('pro', '2', 'blog'))
SELECT count() FROM (SELECT site, device, lcp FROM pageviews) WHERE (site, device, lcp > 3000) IN (('shop', 'mobile', 1), ('blog', 'tablet', 0))

SELECT toString(toStartOfMonth(toDateTime('2024-02-29 23:59:59'))), max(lcp), count() FROM pageviews WHERE site = 'none' GROUP BY ALL
SELECT 1 + 1 AS two, site FROM pageviews WHERE (site, device) IN (('shop', 'mobile')) GROUP BY ALL ORDER BY ALL
SELECT upper('x') AS c FROM pageviews GROUP BY ALL LIMIT 3

-- borders
SELECT site AS device, device AS site, count() FROM pageviews GROUP BY 1, 2 ORDER BY 1, 2
SELECT site AS device, device AS site, count() FROM pageviews GROUP BY ALL ORDER BY ALL
SELECT CASE device WHEN 'mobile' THEN 1 WHEN 'tablet' THEN 2 ELSE 3 END, count() FROM pageviews GROUP BY ALL ORDER BY ALL
SELECT CASE save_data WHEN NULL THEN 'none' WHEN 1 THEN 'yes' END AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT CASE inp WHEN cls THEN 'same' ELSE 'other' END AS c, CASE viewport_width WHEN save_data THEN 1 WHEN inp THEN 2 ELSE 3 END AS d, count() FROM pageviews GROUP BY c, d ORDER BY c, d
SELECT CASE inp WHEN nullIf(error_count, error_count) THEN 'none' WHEN 88 THEN 'some' END AS c, count() FROM pageviews GROUP BY c ORDER BY c
SELECT CASE NULL WHEN inp THEN 1 ELSE 0 END AS c, CASE 7 WHEN inp THEN 1 WHEN NULL THEN 2 END AS d, count() FROM pageviews GROUP BY c, d ORDER BY c, d
SELECT CASE site WHEN device THEN 1 WHEN 'shop' THEN 2 ELSE 3 END AS x, CASE WHEN site = 'shop' THEN CASE cpu WHEN 2 THEN 'a' ELSE 'b' END END AS y, count() FROM pageviews GROUP BY ALL ORDER BY ALL
SELECT if(error_count > 1, toFloat64OrNull('x'), 3) AS x, count() FROM pageviews GROUP BY x ORDER BY x
SELECT greatest(toFloat64OrNull('x'), 3), coalesce(toFloat64OrNull('x'), 3), multiIf(0, nullIf(1.5, 1.5), 0, NULL, 3), ifNull(toFloat64OrNull('x'), 3), least(NULL, 1), greatest(CAST(NULL AS Nullable(Int64)), 1)
SELECT site, quantilesExact(0, 1)(lcp) FILTER (WHERE asn > 1000000) AS x, quantileExact(0.5)(lcp) FILTER (WHERE asn > 1000000) AS y, quantilesExact(0.5)(error_count) FILTER (WHERE asn > 1000000) AS z FROM pageviews GROUP BY site ORDER BY site

-- other names
SELECT YEAR(ts), Quarter(ts), MONTH(ts), DAY(ts), DAYOFMONTH(ts), DayOfWeek(ts), DAYOFYEAR(ts), HOUR(ts), minute(ts), SECOND(ts), Date(ts), DATE_FORMAT(ts, '%Y-%m') FROM pageviews ORDER BY view_id LIMIT 5
SELECT DATE('2026-05-29'), DATE(0), date(toDateTime('2026-05-29 12:00:00')), DATE(nullIf(5, 5)), YEAR(nullIf(toDate(5), toDate(5))), DAYOFWEEK(toDate('2026-05-31'), 2), HOUR(toDateTime('2026-05-29 12:00:00'), 'UTC')
SELECT YEAR('2026-05-29')
SELECT Hour(ts, 'UTC') AS h, count() FROM pageviews GROUP BY h ORDER BY h
SELECT toYear(ts), count() FROM pageviews GROUP BY YEAR(ts)
SELECT DATE(ts), count() FROM pageviews GROUP BY toDate(ts) ORDER BY Date(ts)
SELECT HOUR(ts) + 1 AS h, count() FROM pageviews GROUP BY toHour(ts) ORDER BY HOUR(ts)
SELECT lower(site), count() FROM pageviews GROUP BY LOWER(site) ORDER BY lcase(site)
SELECT DISTINCT DATE(ts) FROM pageviews ORDER BY toDate(ts)
SELECT toStartOfFiveMinute(ts), time_bucket(ts, INTERVAL 1 HOUR), DATE_BIN(ts, INTERVAL 6 HOUR) FROM pageviews ORDER BY view_id LIMIT 3
SELECT TIME_BUCKET(ts, INTERVAL 1 DAY) AS t, count() FROM pageviews WHERE DATE(ts) = '2026-05-29' GROUP BY t
SELECT count() FROM pageviews WHERE date(ts) BETWEEN '2026-05-29' AND '2026-05-30' AND hour(ts) IN (1, 2, 3)
SELECT SUBSTR(site, 2), mid(site, 2, 2), SubString(site, 2), byteSlice(site, -2), LCASE(site), Ucase(site), ltrim(site), RTRIM(site), trim(site), Trim(site), OCTET_LENGTH(site), cardinality(site), CHAR_LENGTH(site), character_length(site), Position(site, 'o'), EXTRACT(site, 'o.') FROM pageviews ORDER BY view_id LIMIT 3
SELECT ltrim('  a '), RTRIM('  a '), trimBoth('  a '), Trim('  a ') AS t, length(trim('  a '))
SELECT REGEXP_REPLACE('abcabc', 'b', 'x'), regexp_matches('abc', 'b.'), ceiling(1.5), CEILING(-1.25, 1), MOD(7, 4), mod(-7, 4)
SELECT CARDINALITY([1, 2]), mapContainsKey(tags, 'plan') FROM pageviews ORDER BY view_id LIMIT 3
SELECT mapcontainskey(tags, 'plan') FROM pageviews
SELECT current_timestamp() = now(), NOW('UTC') = LocalTimestamp(), CURRENT_DATE() = today(), curdate() = TODAY()
SELECT TimeZone() = timezone(), schema() = currentDatabase(), CURRENT_DATABASE() = database(), current_user() = user(), session_user() = currentUser(), hostname() = hostName(), serverTimeZone() = serverTimezone()
SELECT HOSTNAME()
SELECT countDistinct(site), countDistinctIf(site, lcp > 1000), countDistinct(lcp) FROM pageviews
SELECT COUNTDISTINCT(site) FROM pageviews
SELECT any(site) = first_value(site), last_value(lcp) = anyLast(lcp), FIRST_VALUEIf(lcp, site = 'blog') = anyIf(lcp, site = 'blog') FROM pageviews
-- once
SELECT max_by(path, ts), MIN_BY(site, ts), min_byIf(site, ts, device = 'mobile') FROM pageviews
-- once
SELECT array_agg(country) FROM (SELECT DISTINCT country FROM pageviews ORDER BY country)
SELECT medianExact(lcp), medianExactIf(lcp, device = 'mobile'), medianExactWeighted(error_count, error_count), medianExactWeightedInterpolated(lcp, error_count) FROM pageviews
SELECT MEDIANEXACT(lcp) FROM pageviews
SELECT round(STDDEV_POP(lcp), 6), round(std(lcp), 6), round(STDDEV(lcp), 6), round(stddev_samp(lcp), 6), round(VAR_POP(lcp), 4), round(var_samp(lcp), 4), round(STDDEV_POPIf(lcp, site = 'shop'), 6) FROM pageviews
SELECT stddev_popif(lcp, 1) FROM pageviews
SELECT site, STDDEV_POP(lcp) > 100 AS wide FROM pageviews GROUP BY site HAVING VAR_SAMP(lcp) > 0 ORDER BY countDistinct(path), site

-- DATE and TIMESTAMP before a text, FILTER
SELECT date '2026-05-29', DATE '2026-05-29' + 1, timestamp '2026-05-29 00:00:00', TIMESTAMP '2026-05-29 01:02:03' - INTERVAL 1 DAY
SELECT count() FROM pageviews WHERE ts >= DATE '2026-05-29' AND ts < TIMESTAMP '2026-05-30 12:00:00'
SELECT count() FROM pageviews WHERE ts BETWEEN date '2026-05-29' AND date '2026-05-30' + INTERVAL 12 HOUR
SELECT DATE '2026-05-29' = '2026-05-29', toString(DATE '2026-05-29') AS date, date
SELECT DATE 'x'
SELECT 1 AS date, date, date + 1 AS timestamp, timestamp
SELECT count() FILTER (WHERE lcp > 1000), count(*) FILTER (WHERE lcp > 1000) AS c, sum(error_count) FILTER(WHERE device = 'mobile'), COUNT(lcp) filter (where site = 'shop'), quantileExact(0.5)(lcp) FILTER (WHERE lcp > 10) FROM pageviews
SELECT site, round(avg(lcp) FILTER (WHERE device = 'mobile'), 3) AS m, max(lcp) FILTER (WHERE device IN ('mobile', 'tablet')) FROM pageviews GROUP BY site HAVING count() FILTER (WHERE lcp > 100) > 10 ORDER BY count() FILTER (WHERE inp > 100) DESC, site
SELECT count(DISTINCT site) FILTER (WHERE lcp > 8000), COUNT(DISTINCT path) FILTER (WHERE lcp > 1000) FROM pageviews
SELECT count() AS filter, filter + 1 FROM pageviews
SELECT lower('A') FILTER (WHERE 1)
SELECT count() FILTER (lcp > 1) FROM pageviews
SELECT count() FILTER (WHERE lcp > 1, 2) FROM pageviews
-- once
SELECT topK(3)(path) FILTER (WHERE site = 'blog') AS t, argMax(path, ts) FILTER (WHERE site = 'blog') AS a FROM pageviews
SELECT 7 MOD 4, 7 DIV 2 mod 5, -7 mod 4, error_count MOD 2 AS m, count() FROM pageviews GROUP BY m ORDER BY m
SELECT MOD(7, 4) AS mod, 1 + mod DIV 2

SELECT fromUnixTimestamp(1700000000), FROM_UNIXTIME(-1), from_unixtime(9999999999), fromUnixTimestamp(18446744073709551615), fromUnixTimestamp(4294967295), fromUnixTimestamp(true), fromUnixTimestamp(nullIf(5, 5))
SELECT fromUnixTimestamp(1.5)
SELECT fromUnixTimestamp('5')
SELECT fromUnixTimestamp(toDate('2026-01-01'))
SELECT fromUnixTimestamp(toUnixTimestamp(ts)) = toDateTime(ts) AS same, fromUnixTimestamp(viewport_width) FROM pageviews ORDER BY view_id LIMIT 5
SELECT round(250000., -5), ceil(0.5, -5), floor(1234567.8, -5), round(-150000., -5), floor(-1., -3), round(1e10, -9), round(1e15, -13)
SELECT round(transfer_bytes / 1, -5) AS x, floor(transfer_bytes / 1, -4) AS y, ceil(transfer_bytes / 1, -6) AS z, count() FROM pageviews GROUP BY x, y, z ORDER BY x, y, z
SELECT toDateTime64(56.87, 3), CAST(1.001 AS DateTime64(3)), toDateTime64(1780000000.123, 3), toDateTime64(0.5, 3)
SELECT count() FROM pageviews WHERE toDateTime64(toUnixTimestamp64Milli(ts) / 1000, 3) != ts
SELECT has([1.5, 0/0], 64.62), has([1.5, 0/0], 1.5), has([0/0], 0/0), has([1.5, 2.5], 2.5), has([0.5], 0/0)
SELECT count() FROM events WHERE has([1.5, 0/0], value)
SELECT error_count AS x, count() FROM pageviews GROUP BY x ORDER BY x DESC WITH FILL TO 1
SELECT error_count AS x, count() FROM pageviews GROUP BY x ORDER BY x DESC WITH FILL FROM 7 STEP -2
SELECT toUInt64(error_count) AS x, count() FROM pageviews GROUP BY x ORDER BY x DESC WITH FILL FROM 4
SELECT cutQueryString(u), cutQueryStringAndFragment(u), cutFragment(u), extractURLParameter(u, 'x'), extractURLParameter(u, 'y'), queryString(u), fragment(u), path(u), pathFull(u) FROM (SELECT 'https://a.b/#/r?x=1&y=2' AS u)
SELECT cutQueryString(u), cutQueryStringAndFragment(u), cutFragment(u), extractURLParameter(u, 'x'), extractURLParameter(u, 'y'), queryString(u), fragment(u), path(u), pathFull(u) FROM (SELECT 'https://a.b/p?x=1#f?y=2' AS u)
SELECT path(u), pathFull(u), protocol(u), domain(u) FROM (SELECT 'blob:https://a.b/c' AS u)
SELECT extractURLParameter('a?x=1?y=2&z=3;w=4#y=5', 'y'), extractURLParameter('a?x=1?y=2&z=3;w=4', 'w'), extractURLParameter('a&x=1', 'x'), extractURLParameter('a?b#x=1', 'x'), extractURLParameter('a?x=1?y=2', 'x'), extractURLParameter('a?xx=1&x=', 'x')
SELECT path('a//b/c'), path('//a.b/c'), path('/c//d'), path('x?u=http://a.b/c'), path('https://a.b'), path('a//b'), pathFull('http:/a'), path('/')
SELECT protocol('mailto:a@b.c'), protocol('data:text/html'), protocol('about:blank'), protocol('x:y'), protocol('http:/a'), protocol(':abcd'), protocol('https://'), protocol('')
SELECT greatest(lcp, 0/0) AS a, least(lcp, 0/0, 5) AS b, least(0/0, inp) AS c FROM pageviews ORDER BY view_id LIMIT 20
SELECT greatest(1, 0/0), least(0/0, 1), least(1, 3, 0/0), greatest(0/0, 3, 1), greatest(0/0, 0/0, 1), least(0/0, NULL, 2)

-- formats
-- format: JSON JSONCompact JSONEachRow JSONCompactEachRow JSONStrings CSV CSVWithNames TabSeparated TabSeparatedWithNames TSVRaw Vertical Pretty PrettyCompact
SELECT 1 AS n, 'a' AS s, nullIf(1, 1) AS z, 1.5 AS f, true AS b, toDate('2026-01-02') AS d
SELECT ts, site, lcp, error_count, session_id, viewport_width FROM pageviews ORDER BY view_id LIMIT 4
SELECT name, value, text FROM events WHERE position(text, '\t') = 0 ORDER BY view_id LIMIT 12
SELECT site, count(), max(lcp) FROM pageviews GROUP BY site WITH TOTALS ORDER BY site
SELECT tags, [1, 2] AS a, ['it''s', 'b'] AS t FROM pageviews ORDER BY view_id LIMIT 3
SELECT 1 / 0 AS inf, -1 / 0 AS minus, 0 / 0 AS nan, 18446744073709551615 AS big, 1e5 AS large
SELECT site FROM pageviews WHERE 0
SELECT site, device FROM pageviews ORDER BY view_id LIMIT 2 OFFSET 1
SELECT '<a href="x">&amp;</a>' AS h, 'new\nline' AS t, '' AS e, 'ünïcode €' AS u
-- format: JSON JSONEachRow CSV TabSeparated TSVRaw Vertical
SELECT text, 'tab\t' AS t, '\b\r' AS c FROM events ORDER BY view_id LIMIT 9

-- NaN and inf, and weights of 0
-- format: TabSeparatedWithNamesAndTypes
SELECT quantileExactWeighted(0.5)(lcp, 0), quantileExactWeighted(0.5)(error_count, error_count * 0), quantileExactWeighted(0.5)(ts, error_count * 0), quantileExactWeighted(0)(lcp, 0), quantileExactWeighted(1)(lcp, 0) FROM pageviews
SELECT quantileExactWeighted(0)(lcp, error_count), quantileExactWeighted(0.001)(lcp, error_count), quantileExactWeighted(1)(lcp, error_count), quantileExactWeighted(0.5)(lcp, error_count) FROM pageviews
SELECT quantileExactWeighted(0)(-lcp, error_count), quantileExactWeighted(1)(-lcp, if(lcp < 100, 0, 3)) FROM pageviews
SELECT quantileExactWeighted(0)(inp, error_count), quantileExactWeighted(1)(asn, if(asn > 3000, 0, 3)), quantileExactWeighted(0)(toDate(ts), 0) FROM pageviews
SELECT site, quantileExactWeighted(0.5)(lcp, if(site='shop',0,1)) FROM pageviews GROUP BY site ORDER BY site
SELECT site, quantileExactWeighted(0.5)(lcp, if(site='shop',0,1)), count() FROM pageviews GROUP BY site WITH TOTALS ORDER BY site
SELECT quantileExactWeightedIf(0.5)(lcp, 0, lcp > 100), quantileExactWeightedIf(0.5)(lcp, 0, 0), quantileExactWeightedIf(0.5)(error_count, 0, 0) FROM pageviews
SELECT quantileExactWeighted(0.5)(toUInt8(1), 0), quantileExactWeighted(0.5)(1.5, 0), quantileExactWeighted(0.5)(nan, 0), quantileExactWeighted(0.5)(nullIf(1.5, 1.5), 0)
SELECT quantileExactWeighted(0.5)(if(error_count = 1, nan, lcp), 0) FROM pageviews WHERE error_count = 1
SELECT path, device, quantileExactWeighted(0.9)(lcp, error_count) FROM pageviews GROUP BY path, device ORDER BY path, device
SELECT sign(nan), sign(inf), sign(-1 / 0), sign(-0.0)
SELECT sign(if(lcp > 100, nan, lcp)) AS a, count() FROM pageviews GROUP BY a ORDER BY a
-- once
SELECT varPop(x), stddevPop(x), varSamp(x), stddevSamp(x), avg(x), sum(x), min(x), max(x) FROM (SELECT if(error_count = 1, nan, lcp) AS x FROM pageviews)
-- once
SELECT varPop(if(error_count = 1, nan, lcp)), stddevPop(if(error_count = 1, inf, lcp)), varSamp(if(error_count = 1, log(0), lcp)), stddevSamp(if(error_count = 1, nan, lcp)) FROM pageviews
-- once
SELECT stddevPop(nan), stddevPop(inf), varPop(nan), varPop(inf), varSamp(nan), stddevSamp(nan), stddevPop(1e200)
-- once
SELECT site, stddevPop(if(error_count = 1 AND site = 'shop', nan, 1)) AS a FROM pageviews GROUP BY site WITH TOTALS ORDER BY site
-- once
SELECT site, varSampIf(lcp, lcp > 1e9), varPopIf(if(error_count = 1, nan, lcp), error_count = 1) FROM pageviews GROUP BY site ORDER BY site
-- once
SELECT stddevPop(error_count), varSamp(error_count) FROM pageviews WHERE 0

-- lists that are searched, not compared one by one
SELECT count(), countIf(path IN ('/', '/cart', '/search', '/search', NULL)), countIf(path NOT IN ('/', '/cart', '/p/:id', 'x', 'y', 'z')), countIf(lower(path) IN ('/', '/CART', '/cart', '', '/blog/ünïcode')) FROM pageviews
SELECT countIf(inp IN (1, 2, 3, 100, 200.0, 300.5, NULL)), countIf(inp NOT IN (1, 2, 3, 100, 200.0, 300.5, NULL)), countIf(inp + 1 NOT IN (1, 2, 3, nan, inf, -1, 100)), countIf((inp IN (1, 2, 3, 4)) IS NULL) FROM pageviews
SELECT countIf(lcp IN (8.5, 1, nan, inf, 103.9, 3.3)), countIf(if(error_count = 1, nan, lcp) IN (1e9, 3.3, inf)), countIf(lcp * 0 IN (0, 5, 7)), countIf(0 - error_count IN (-1, -2, 18446744073709551615, 18446744073709551614)) FROM pageviews
SELECT countIf(toDate(ts) IN ('2026-05-28', '2026-05-29', '2026-06-30')), countIf(toDate(ts) NOT IN (toDate('2026-05-28'), toDate('2026-05-29'), toDateTime('2026-05-30 00:00:00'))), countIf(toStartOfHour(ts) IN ('2026-05-29 01:00:00', '2026-05-29 02:00:00', '2026-05-29 03:00:00', '2026-05-29 04:00:00')) FROM pageviews
SELECT site IN ('a', 'b', 'shop') AS a, count() FROM pageviews GROUP BY a ORDER BY a
SELECT tags['plan'] IN ('free', 'x', 'y', '') AS a, tags['step'] IN ('1', '2', '3') AS b, count() FROM pageviews WHERE view_id NOT IN (1, 1000004, 2000007, 3000010) GROUP BY a, b ORDER BY a, b
SELECT save_data IN (1, 2, 3) AS a, dpr IN (1, 1.5, 4) AS b, count() FROM pageviews GROUP BY a, b ORDER BY a, b
SELECT path, count() FROM pageviews GROUP BY path HAVING path IN ('/', '/cart', '/checkout', '/none') ORDER BY path
SELECT count() FROM pageviews WHERE NOT (path IN ('/', '/cart', '/checkout') OR country IN ('DE', 'FR', '', 'XX'))
SELECT countIf(path IN ('/', site, '/cart', '/search')) AS a, countIf(asn IN (1000, error_count, 3000, 5)) AS b FROM pageviews
SELECT countIf(toString(asn) IN ('0', '1000', '2000', 'x')), countIf(length(path) IN (1, 5, 7, -1)), countIf(_sample_interval IN (1, 2, 3)) FROM pageviews
SELECT countIf(nullIf(site, 'shop') IN ('shop', 'blog', 'docs')), countIf(nullIf(site, 'shop') NOT IN ('shop', 'blog', 'x')), countIf(nullIf(site, 'shop') IN (NULL, 'blog', 'docs')) FROM pageviews
SELECT countIf(value IN (1, 0.5, 100)), countIf(text IN ('a\tb', 'line\nbreak', 'back\\slash', '')) FROM events

-- a \ at the end of a pattern
SELECT 'a\\' LIKE 'a\\'
SELECT 'a' LIKE '%a\\', 1
SELECT 'a' NOT ILIKE '\\'
SELECT 'a\\' LIKE '%\\\\', 'a' LIKE 'b\\\\'
SELECT 'a' LIKE 'a\\\\\\'
SELECT count() FROM pageviews WHERE path LIKE '/p\\'
SELECT count() FROM pageviews WHERE path NOT LIKE '%\\' AND site = 'shop'
SELECT countIf(lower(path) ILIKE 'X\\') FROM pageviews
SELECT countIf(text LIKE '%\\\\%'), countIf(text LIKE '%k\\\\s%'), countIf(text NOT LIKE '%\\_') FROM events
SELECT countIf(nullIf(site, 'shop') LIKE 'b\\%') FROM pageviews

-- aliases of each other, one of which is no column
SELECT site AS a, a AS site, count() FROM pageviews GROUP BY a ORDER BY a
SELECT site AS a, a AS site, count() FROM pageviews GROUP BY site ORDER BY site
SELECT site AS a, a AS site, count() FROM pageviews GROUP BY a, site ORDER BY site DESC
SELECT site AS a, a AS site FROM pageviews ORDER BY site, view_id LIMIT 5
SELECT a AS site, site AS a FROM pageviews ORDER BY a DESC, view_id LIMIT 5
SELECT site AS a, a AS b, b AS site FROM pageviews ORDER BY b, view_id LIMIT 5
SELECT site AS a, a AS site FROM pageviews WHERE a = 'blog' ORDER BY view_id LIMIT 2
SELECT site AS a, a AS site, count() FROM pageviews WHERE site != 'blog' GROUP BY a HAVING a != 'x' ORDER BY count() DESC

-- ties, totals, conditions of NULL and ends of months
-- format: TabSeparatedWithNamesAndTypes
SELECT path, country, lcp FROM pageviews WHERE lcp IS NOT NULL ORDER BY country, path, lcp, view_id LIMIT 1 BY country, path LIMIT 9
SELECT country, device, count() AS c FROM pageviews GROUP BY country, device WITH TOTALS HAVING c > 70 ORDER BY c, country, device
SELECT toDate('2026-01-31') + INTERVAL 1 MONTH, toDate('2024-02-29') + INTERVAL 1 YEAR, toDateTime('2026-03-29 01:30:00') + INTERVAL 1 HOUR, toDate('2026-03-31') - INTERVAL 1 MONTH, dateDiff('month', toDate('2026-01-31'), toDate('2026-02-28'))
SELECT argMinIf(path, lcp, inp > 400), argMaxIf(path, lcp, NULL), anyIf(site, site = NULL), groupUniqArrayIf(2)(site, site = 'blog'), topKIf(1)(path, lcp > 8000) FROM pageviews
-- format: CSV JSONEachRow TabSeparated
SELECT inf, nan, 'a"b', ['a"b', '\''], NULL, toDate('2026-01-01') FROM pageviews LIMIT 1
SELECT tags, ['a\'b'] AS l, nullIf(1, 1) AS n, 0.1 + 0.2 AS f, 1e300 AS g, -0.0 AS z FROM pageviews ORDER BY view_id LIMIT 3
SELECT tags, ['a\'b', 'c\td'] AS l, nullIf(1, 1), 1e21, 1e-7, true FROM pageviews ORDER BY view_id LIMIT 3
