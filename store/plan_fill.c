/*
 * WITH FILL: from where to where, and by what step. Called by plan_select.c.
 */
#include <string.h>

#include "plan_inside.h"

static int
refuse(struct planner *planner, const struct sql_node *node, const char *why)
{
	int code = plan_error(planner->error, STORE_EINVAL, 475, "INVALID_WITH_FILL_EXPRESSION",
			      "WITH FILL %s", why);

	plan_fail_at(planner, node->offset);
	return code;
}

static bool
is_constant_number(const struct expression *expression)
{
	return expression->kind == EXPRESSION_CONSTANT && expression->constant.nulls == NULL &&
	       (data_type_is_number(expression->type.type) ||
		data_type_is_time(expression->type.type));
}

/* FROM and TO, as the column's values are. */
static int
build_bound(struct planner *planner, const struct sql_node *node, enum store_result_type type,
	    bool *has, struct store_value *out)
{
	struct expression *bound;

	if (node == NULL)
		return 0;
	if ((bound = plan_build(planner, node, PHASE_ROW)) == NULL)
		return STORE_EINVAL;
	if (!is_constant_number(bound))
		return refuse(planner, node, "FROM and TO must be constant numbers or times");
	if (data_type_is_time(type) != data_type_is_time(bound->type.type) ||
	    (data_type_is_float(bound->type.type) && !data_type_is_float(type)))
		return refuse(planner, node, "FROM and TO must be of the column's type");
	*has = true;
	if (data_type_is_time(type))
		out->v.i = data_time_ms(&bound->constant, 0) / data_time_unit_ms(type);
	else if (data_type_is_float(type))
		out->v.f = data_double(&bound->constant, 0);
	else
		out->v.i = bound->constant.n.i[0];
	if (type <= STORE_R_UINT64 && data_type_is_signed(bound->type.type) && out->v.i < 0)
		return refuse(planner, node, "FROM and TO cannot be negative for an unsigned type");
	return 0;
}

static bool
is_calendar(struct store_str unit)
{
	return sql_is_word(unit, "month") || sql_is_word(unit, "quarter") ||
	       sql_is_word(unit, "year");
}

static int
build_step(struct planner *planner, const struct sql_node *node, enum store_result_type type,
	   bool descending, struct plan_fill *fill)
{
	struct expression *step;
	double amount = descending ? -1 : 1;

	if (node != NULL) {
		if ((step = plan_build(planner, node, PHASE_ROW)) == NULL)
			return STORE_EINVAL;
		if (!is_constant_number(step) || data_type_is_time(step->type.type) ||
		    (step->unit.size > 0 && !data_type_is_time(type)))
			return refuse(planner, node, "STEP must be a constant number or interval");
		amount = (double)data_number(&step->constant, 0);
		fill->unit = step->unit;
	}
	if (amount == 0 || (amount < 0) != descending)
		return refuse(planner, planner->query->order[0].node,
			      amount == 0 ? "STEP cannot be zero"
					  : "STEP must go in the direction of the order");
	if (data_type_is_float(type))
		fill->step.v.f = amount;
	else if (type == STORE_R_DATETIME64 && fill->unit.size == 0)
		fill->step.v.i = (int64_t)(amount * 1000);
	else
		fill->step.v.i = (int64_t)amount;
	if (!data_type_is_float(type) && fill->step.v.i == 0)
		return refuse(planner, node, "STEP is less than the column can hold");
	if (fill->unit.size > 0 && type == STORE_R_DATE && !is_calendar(fill->unit) &&
	    !sql_is_word(fill->unit, "day") && !sql_is_word(fill->unit, "week"))
		return refuse(planner, node, "STEP of a Date must be of days or more");
	return 0;
}

int
plan_fill(struct planner *planner, const struct sql_order *order, struct plan_order *out)
{
	enum store_result_type type = out->expression->type.type;
	struct plan_fill *fill = &out->fill;
	int result;

	for (uint32_t i = 0; i < planner->plan->orders_count; i++) {
		if (planner->plan->orders[i].fill.wanted) {
			plan_not_implemented(planner, "WITH FILL of more than one column");
			plan_fail_at(planner, order->node->offset);
			return STORE_ENOTIMPL;
		}
	}
	if (!data_type_is_number(type) && !data_type_is_time(type))
		return refuse(planner, order->node, "needs a column of numbers or times");
	fill->wanted = true;
	if ((result = build_bound(planner, order->from, type, &fill->has_from, &fill->from)) != 0 ||
	    (result = build_bound(planner, order->to, type, &fill->has_to, &fill->to)) != 0)
		return result;
	return build_step(planner, order->step, type, out->descending, fill);
}
