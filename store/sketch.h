/*
 * Weighted quantiles of one group. Up to SKETCH_EXACT_MAX values are kept and
 * answered exactly; beyond, values that are stored integers (value * scale) and
 * not negative go into a log-linear histogram of 256 buckets an octave, whose
 * answers are within 0.4 %; other values stay exact. An answer is ClickHouse's
 * quantileExactWeightedInterpolated: position level * (W - 1) among W = sum of
 * weights values, linear between neighbours.
 */
#ifndef SKETCH_H
#define SKETCH_H

#include "store.h"

#define SKETCH_EXACT_MAX 1024u

struct sketch;

/* In the arena; scale 0: the values are no stored integers. NULL: no memory. */
struct sketch *sketch_create(struct store_arena *arena, uint32_t scale);
/* STORE_ELIMIT when memory runs out. NaN must not be added; weight >= 1. */
int sketch_add(struct sketch *sketch, double value, uint64_t weight);
/* Adds all that `from` has, which must be of the same scale. */
int sketch_merge(struct sketch *sketch, const struct sketch *from);
uint32_t sketch_scale(const struct sketch *sketch);
/* One of the values, of a sketch of scale 0: quantileExact's when no weight is
 * above 1 and not `weighted`, else quantileExactWeighted's. */
double sketch_quantile_exact(struct sketch *sketch, double level, bool weighted);
/* 0 <= level <= 1; at least one value was added. */
double sketch_quantile(struct sketch *sketch, double level);

#endif
