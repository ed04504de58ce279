/*
 * Other names of functions and aggregates, as ClickHouse has them: of each the one
 * that does the same for all arguments. A call keeps the name that it is written with,
 * by which ClickHouse names its column. Beside function.c and aggregate.c, which look
 * here first.
 */
#include <string.h>

#include "function.h"
#include "sql_parse.h"

static const struct function_alias aliases[] = {
    {"DATE", "toDate", true},
    {"YEAR", "toYear", true},
    {"QUARTER", "toQuarter", true},
    {"MONTH", "toMonth", true},
    {"DAY", "toDayOfMonth", true},
    {"DAYOFMONTH", "toDayOfMonth", true},
    {"DAYOFWEEK", "toDayOfWeek", true},
    {"DAYOFYEAR", "toDayOfYear", true},
    {"HOUR", "toHour", true},
    {"MINUTE", "toMinute", true},
    {"SECOND", "toSecond", true},
    {"toStartOfFiveMinute", "toStartOfFiveMinutes", false},
    {"time_bucket", "toStartOfInterval", true},
    {"date_bin", "toStartOfInterval", true},
    {"DATE_FORMAT", "formatDateTime", true},
    {"from_unixtime", "fromUnixTimestamp", true},
    {"current_timestamp", "now", true},
    {"localtimestamp", "now", true},
    {"current_date", "today", true},
    {"curdate", "today", true},
    {"substr", "substring", true},
    {"mid", "substring", true},
    {"byteSlice", "substring", true},
    {"lcase", "lower", true},
    {"ucase", "upper", true},
    {"ltrim", "trimLeft", true},
    {"rtrim", "trimRight", true},
    {"OCTET_LENGTH", "length", true},
    {"CARDINALITY", "length", true},
    {"CHAR_LENGTH", "lengthUTF8", true},
    {"CHARACTER_LENGTH", "lengthUTF8", true},
    {"REGEXP_MATCHES", "match", true},
    {"REGEXP_REPLACE", "replaceRegexpAll", true},
    {"ceiling", "ceil", true},
    {"mod", "modulo", true},
    {"mapContainsKey", "mapContains", false},
    {"hostname", "hostName", false},
    {"serverTimeZone", "serverTimezone", false},
    {"SCHEMA", "currentDatabase", true},
    {"current_database", "currentDatabase", true},
    {"current_user", "currentUser", true},
    {"session_user", "currentUser", true},
    {"countDistinct", "uniqExact", false},
    {"COUNTDistinct", "uniqExact", false}, /* COUNT(DISTINCT x) FILTER (...) */
    {"first_value", "any", true},
    {"last_value", "anyLast", true},
    {"min_by", "argMin", true},
    {"max_by", "argMax", true},
    {"array_agg", "groupArray", true},
    {"medianExact", "quantileExact", false},
    {"medianExactWeighted", "quantileExactWeighted", false},
    {"medianExactWeightedInterpolated", "quantileExactWeightedInterpolated", false},
    {"medianTDigest", "quantileTDigest", false},
    {"medianTDigestWeighted", "quantileTDigestWeighted", false},
    {"STD", "stddevPop", true},
    {"STDDEV_POP", "stddevPop", true},
    {"STDDEV", "stddevSamp", true},
    {"STDDEV_SAMP", "stddevSamp", true},
    {"VAR_POP", "varPop", true},
    {"VAR_SAMP", "varSamp", true},
};

const struct function_alias *
function_alias_at(uint32_t index)
{
	return index < sizeof aliases / sizeof *aliases ? &aliases[index] : NULL;
}

struct store_str
function_real_name(struct store_str name)
{
	for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++) {
		const struct function_alias *alias = &aliases[i];

		if (sql_is_name(name, alias->name, alias->any_case))
			return (struct store_str){alias->of, (uint32_t)strlen(alias->of)};
	}
	return name;
}
