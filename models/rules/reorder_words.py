"""A plan in words, as one person tells it to another."""

import polars as pl


def _number(value: pl.Expr) -> pl.Expr:
    """A figure as a person writes it: one decimal, none where it is none, two where the figure is small."""
    exact = value.cast(pl.Float64)
    places = pl.when(exact.abs() < 1).then(exact.round(2)).otherwise(exact.round(1)) + 0.0
    return (
        pl.when(places == places.round(0)).then(places.cast(pl.Int64).cast(pl.String)).otherwise(places.cast(pl.String))
    )


def _date(day: str) -> pl.Expr:
    return pl.col(day).dt.strftime("%-d %b")


def sentence() -> pl.Expr:
    """The plan as one person tells it to another."""

    def said(holds: pl.Expr, words: str, *figures: pl.Expr | str) -> pl.Expr:
        told = pl.format(words, *figures) if figures else pl.lit(words)
        return pl.when(holds).then(told).otherwise(pl.lit(""))

    quantity, promised = pl.col("quantity"), pl.col("promised")
    soon = (pl.col("order_by") - pl.col("as_of")).dt.total_days() < 7
    by = pl.when(soon).then(pl.col("order_by").dt.strftime("%A")).otherwise(_date("order_by"))
    below = pl.col("safety_stock") - pl.col("lowest_balance")
    limit = pl.col("safety_source").replace_strict(
        {"minimum_on_hand": "planner's minimum", "safety_stock_quantity": "planner's safety stock"},
        default="safety stock",
        return_dtype=pl.String,
    )
    is_kept = pl.col("safety_stock") > 0
    is_cut = pl.col("after_maximum") < pl.col("after_pack")
    packs = pl.col("after_pack") != pl.col("after_minimum")
    way = pl.when(pl.col("after_pack") > pl.col("after_minimum")).then(pl.lit("up")).otherwise(pl.lit("down"))
    facts = pl.concat_str(
        pl.format("{} on hand", "on_hand"),
        said(promised > 0, ", {} promised", promised),
        said(pl.col("overdue") > 0, " ({} overdue)", pl.col("overdue")),
        said((pl.col("deliveries") == 1).fill_null(False), ", {} due on {}", _coming(), _date("last_due_on")),
        said(
            (pl.col("deliveries") > 1).fill_null(False),
            ", {} due in {} deliveries up to {}",
            _coming(),
            pl.col("deliveries").fill_null(0),
            _date("last_due_on"),
        ),
        pl.lit("; "),
        said(pl.col("rate") > 0, "at {} a day", _number(pl.col("rate"))),
        said(pl.col("rate_source") == "like_sku", " (as {}, by the planner)", pl.col("like_sku").fill_null("")),
        said(pl.col("rate_source") == "category", " (new, as others of its category)"),
        said(pl.col("rate") > 0, " "),
        pl.format("the balance reaches {} on {}", _number(pl.col("lowest_balance")), _date("lowest_on")),
    )
    buy = pl.concat_str(
        pl.format("Order {} of {} from {} by {}: ", quantity, "sku", "supplier_name", by),
        facts,
        said(is_kept, ", {} below the {} of {}", _number(below), limit, _number(pl.col("safety_stock"))),
        pl.format("; {} needed", "needed"),
        said(pl.col("safety_source") == "do_not_stock", " for open orders only"),
        said(
            pl.col("maximum_on_hand").is_not_null(),
            " up to the planner's maximum of {}",
            pl.col("maximum_on_hand").fill_null(0),
        ),
        said(pl.col("after_minimum") > pl.col("needed"), ", {} is the least sold", "minimum_order_quantity"),
        said(packs, ", rounded {} to packs of {}", way, "pack_size"),
        said(is_cut, ", cut to {} by the maximum", "after_maximum"),
        pl.lit("."),
    )
    wait = pl.concat_str(
        pl.format("Order none of {}: ", "sku"),
        facts,
        said(is_kept, ", against a {} of {}", limit, _number(pl.col("safety_stock"))),
        said(pl.col("needed") > 0, "; {} needed, which packs and maximum do not allow", "needed"),
        pl.lit("."),
    )
    return pl.when(quantity > 0).then(buy).otherwise(wait)


def _coming() -> pl.Expr:
    return pl.col("coming").fill_null(0)
