/*
 * Codecs of column chunks: at most BLOCK_ROWS_MAX integers or dictionary codes
 * to bytes and back, and LZ4 on top of either. Encoders pick by size; decoders
 * accept any bytes and say when they are malformed. Format: FORMAT.md.
 */
#ifndef CODEC_H
#define CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* On disk; numbers are never used for anything else. */
enum codec {
	CODEC_ABSENT = 0,   /* no data: every row is NULL or the default */
	CODEC_CONSTANT = 1, /* no data: the value stands in the footer */
	CODEC_RAW = 2,      /* 8 bytes a value: random ids */
	CODEC_PACKED = 3,   /* patched frame of reference, groups of 1,024 */
	CODEC_DELTA = 4,    /* first value, then differences as CODEC_PACKED */
	CODEC_DISTINCT = 5, /* sorted distinct values, codes as CODEC_PACKED */
};

#define CODEC_LAST CODEC_DISTINCT

/* Plain loops compiled for wider vectors too; the loader picks what the machine
 * has. All variants do the same integer arithmetic. Sanitizers run before the
 * loader has chosen. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define CODEC_CLONES __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define CODEC_CLONES
#endif
#define CODEC_DISTINCT_HEAD_BYTES 9u /* count, codec and bytes of the values */
#define CODEC_GROUP_ROWS 1024u
#define CODEC_GROUPS_MAX 64u /* of 65,536 values */

/* ---- integers -------------------------------------------------------- */

/* Scratch memory of encoding, about 3.2 MB; NULL when malloc fails. */
struct codec_encoder;
struct codec_encoder *codec_encoder_create(void);
void codec_encoder_free(struct codec_encoder *encoder);

/* Bytes that encoding `count` values may take. */
size_t codec_bound(uint32_t count);

/* Encodes values[count], 1 <= count <= 65,536, into out[codec_bound(count)];
 * returns the size and sets *codec. CODEC_CONSTANT takes 0 bytes. */
size_t codec_encode(struct codec_encoder *encoder, const int64_t *values, uint32_t count,
		    unsigned char *out, enum codec *codec);

/* As codec_encode, but only CODEC_CONSTANT and CODEC_PACKED, which
 * codec_decode_codes reads. */
size_t
codec_encode_codes(const int64_t *codes, uint32_t count, unsigned char *out, enum codec *codec);

/* Bytes of scratch memory, aligned for int64_t, that decoding needs: DISTINCT
 * does. */
size_t
codec_scratch_bytes(enum codec codec, const unsigned char *bytes, size_t size, uint32_t count);

/* Decodes RAW, PACKED, DELTA and DISTINCT into values[count]. 0, or -1 when
 * bytes[size] are malformed; then values[] hold anything. */
int codec_decode(enum codec codec, const unsigned char *bytes, size_t size, uint32_t count,
		 void *scratch, int64_t *values);

/* The distinct values of DISTINCT, each of which some row has, ascending, into
 * `values`, which has room for codec_scratch_bytes(); returns how many, 0 when the
 * bytes are malformed. */
uint32_t
codec_decode_distinct(const unsigned char *bytes, size_t size, uint32_t count, int64_t *values);

/* Decodes PACKED into codes[count]; 0 or -1. The caller compares the codes
 * with its dictionary. */
int codec_decode_codes(enum codec codec, const unsigned char *bytes, size_t size, uint32_t count,
		       uint32_t *codes);

/* The same part by part, in order: what fits a processor's cache is decoded
 * just before it is used. Refers to the bytes, and to `scratch`. Malformed bytes
 * are noticed when they are reached. */
struct codec_stream;
enum codec_as {
	CODEC_AS_WIDE,   /* int64_t */
	CODEC_AS_NARROW, /* modulo 2^32: all of it when the values are known to fit */
	CODEC_AS_CODES,  /* of a dictionary; of PACKED only, and within 32 bits */
	CODEC_AS_BYTES,  /* the same in 8 bits, 255 for those above */
};
size_t codec_stream_bytes(void); /* of the struct */
int codec_stream_open(struct codec_stream *stream, enum codec codec, enum codec_as as,
		      const unsigned char *bytes, size_t size, uint32_t count, void *scratch);
/* How many values were read or skipped. */
uint32_t codec_stream_position(const struct codec_stream *stream);
/* The next `count` values; position + count <= count of all. */
int codec_stream_read(struct codec_stream *stream, uint32_t count, int64_t *values);
/* The same as NARROW or CODES. */
int codec_stream_read_narrow(struct codec_stream *stream, uint32_t count, uint32_t *values);
/* And with `null` for those whose bit in `nulls` is set, which is bit 0 of the
 * first; the values themselves are malformed or not as with read_narrow. */
int codec_stream_read_shown(struct codec_stream *stream, uint32_t count, const uint64_t *nulls,
			    uint32_t null, uint32_t *values);
/* The same as BYTES. */
int codec_stream_read_bytes(struct codec_stream *stream, uint32_t count, uint8_t *values);
int codec_stream_skip(struct codec_stream *stream, uint32_t count);

/* Values of CODEC_DELTA at the ends of its groups, of which each begins with the last value
 * of the one before: what bounds those between them without decoding any. */
struct codec_marks {
	uint32_t count; /* of all values */
	bool ascends[CODEC_GROUPS_MAX];
	int64_t values[CODEC_GROUPS_MAX + 1]; /* the first, then the last of each group */
	uint32_t left[CODEC_GROUPS_MAX + 1];  /* bytes from where each begins; of the end 0 */
};
/* Of `count` values, 2 at least; 0, or -1 when the bytes are malformed. */
int
codec_marks_find(const unsigned char *bytes, size_t size, uint32_t count, struct codec_marks *out);
/* values[first, first + count) are not below *min nor above *max, signed; false: that is not
 * known. */
bool codec_marks_bounds(const struct codec_marks *marks, uint32_t first, uint32_t count,
			int64_t *min, int64_t *max);
/* Groups of those very bytes are skipped without a look at them; `marks` is borrowed. */
void codec_stream_use(struct codec_stream *stream, const struct codec_marks *marks);

/* ---- CODEC_PACKED, used by the other codecs -------------------------- */

struct codec_group {
	uint64_t base;
	uint32_t width, exceptions_count, exception_bits; /* width + exception_bits <= 64 */
	size_t data_bytes;                                /* packed bits and exceptions */
};

struct codec_plan {
	struct codec_group groups[CODEC_GROUPS_MAX];
	uint64_t frame;      /* lowest base, signed order */
	uint32_t base_bytes; /* 0..8: of each group's base - frame */
	size_t bytes;        /* of the whole */
};

/* Chooses base and width of every group; out->bytes is what writing takes. */
void codec_packed_plan(const int64_t *values, uint32_t count, struct codec_plan *out);
void codec_packed_write(const int64_t *values, uint32_t count, const struct codec_plan *plan,
			unsigned char *out);

/* ---- LZ4 ------------------------------------------------------------- */

/* Room that codec_compress needs. */
size_t codec_compress_bound(size_t size);
/* Compresses bytes[size] into `out`: the compressed size, or 0 when that would
 * save less than gain_percent (reading it costs more time than it is worth).
 * `thorough`: by LZ4HC, ten times slower to write and as fast to read. */
size_t codec_compress(const unsigned char *bytes, size_t size, uint32_t gain_percent, bool thorough,
		      unsigned char *out);
/* Inflates into out[raw_size]; 0, or -1 when malformed. */
int codec_decompress(const unsigned char *bytes, size_t size, unsigned char *out, size_t raw_size);
/* False when LZ4 cannot inflate `size` bytes to raw_size: to be asked before
 * raw_size bytes are allocated. */
bool codec_is_plausible(size_t size, size_t raw_size);

#endif
