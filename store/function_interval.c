/*
 * Arithmetic of times: civil dates, intervals of months, and what an interval
 * adds. Below the kernels; all in UTC.
 */
#include <string.h>

#include "function.h"

/* Days since 1970 to civil date and back (Hinnant, "chrono-compatible
 * low-level date algorithms"). */
int64_t
function_days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t era, of_era, of_year;

	year -= month <= 2;
	era = (year >= 0 ? year : year - 399) / 400;
	of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	of_era =
	    (year - era * 400) * 365 + (year - era * 400) / 4 - (year - era * 400) / 100 + of_year;
	return era * 146097 + of_era - 719468;
}

void
function_civil_of(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;

	*day = doy - (153 * mp + 2) / 5 + 1;
	*month = mp < 10 ? mp + 3 : mp - 9;
	*year = yoe + era * 400 + (*month <= 2);
}

#define MONTHS_MAX 1000000

static int64_t
add_months(int64_t ms, int64_t months)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int64_t days = ms / 86400000 - (ms % 86400000 < 0), year, month, day, last;

	function_civil_of(days, &year, &month, &day);
	month += months - 1;
	year += month / 12 - (month % 12 < 0);
	month = ((month % 12) + 12) % 12;
	last = lengths[month] +
	       (month == 1 && ((year % 4 == 0 && year % 100 != 0) || year % 400 == 0));
	return function_days_of(year, month + 1, day < last ? day : last) * 86400000 +
	       (ms - days * 86400000);
}

/* ms + count * unit_ms, which stays where it is when it is beyond all time. */
int64_t
function_add_time(int64_t ms, int64_t count, int64_t unit_ms)
{
	int64_t sum;

	if (__builtin_mul_overflow(count, unit_ms, &sum) || __builtin_add_overflow(ms, sum, &sum))
		return ms;
	return sum;
}

int64_t
function_add_interval(int64_t ms, int64_t count, struct store_str unit)
{
	int64_t bounded = count < -MONTHS_MAX  ? -MONTHS_MAX
			  : count > MONTHS_MAX ? MONTHS_MAX
					       : count;
	static const struct {
		const char *name;
		int64_t ms, months;
	} units[] = {{"second", 1000, 0},  {"minute", 60000, 0},   {"hour", 3600000, 0},
		     {"day", 86400000, 0}, {"week", 604800000, 0}, {"month", 0, 1},
		     {"quarter", 0, 3},    {"year", 0, 12}};

	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (strlen(units[i].name) == unit.size &&
		    memcmp(units[i].name, unit.bytes, unit.size) == 0)
			return units[i].ms != 0 ? function_add_time(ms, count, units[i].ms)
						: add_months(ms, bounded * units[i].months);
	}
	return ms;
}
