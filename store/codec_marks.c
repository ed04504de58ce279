/*
 * codec.h: bounds of runs of values that are stored as differences, as times of rows sorted
 * by time are: a group's differences are summed up, which takes a third of decoding them. Beside
 * codec_stream.c. Must survive any bytes.
 */
#include <assert.h>

#include "bytes.h"
#include "codec_packed.h"

int
codec_marks_find(const unsigned char *bytes, size_t size, uint32_t count, struct codec_marks *out)
{
	struct packed_reader packed;
	uint64_t sum;

	if (count < 2 || size < 8 ||
	    codec_packed_open(&packed, bytes + 8, size - 8, count - 1) != 0)
		return -1;
	assert(packed_groups_count(count - 1) <= CODEC_GROUPS_MAX);
	sum = bytes_get64(bytes);
	out->count = count;
	out->values[0] = (int64_t)sum;
	out->left[0] = (uint32_t)packed.left;
	for (uint32_t g = 0; packed_rows_left(&packed) > 0; g++) {
		if (codec_packed_skip_sums(&packed, &sum, &out->ascends[g]) != 0)
			return -1;
		out->values[g + 1] = (int64_t)sum;
		out->left[g + 1] = (uint32_t)packed.left;
	}
	return 0;
}

bool
codec_marks_bounds(const struct codec_marks *marks, uint32_t first, uint32_t count, int64_t *min,
		   int64_t *max)
{
	uint32_t begin = first / CODEC_GROUP_ROWS, end;

	assert(count > 0 && first < marks->count && count <= marks->count - first);
	/* Group g has the values behind that of number g * CODEC_GROUP_ROWS. */
	end = packed_groups_count(first + count - 1);
	for (uint32_t g = begin; g < end; g++) {
		if (!marks->ascends[g])
			return false;
	}
	*min = marks->values[begin];
	*max = marks->values[end > begin ? end : begin];
	return true;
}
