"""Policies: what a planner wants for an item, and who it is bought from on which terms."""

import polars as pl

from models.tables.base import polars_schema
from models.tables.reorder import ReorderPolicy

KEYS = ("sku", "location_id", "supplier_id", "category", "abc")
"""What a policy may be about, the most telling first."""
GOODS = {"sku", "supplier_id", "category"}
"""Of these, those that say of certain goods what the planner wants of them; the others speak of the shop at large."""
WISHES = tuple(name for name in polars_schema(ReorderPolicy).names() if name not in KEYS)


def resolved(items: pl.DataFrame, policies: pl.DataFrame) -> pl.DataFrame:
    """Find what the planner wants for each item: each wish from the most specific row that states it.

    A row about the SKU goes first, then the one that names more, then location, supplier, category, class in this
    order; of two rows about the same the later one. An empty cell says nothing.

    Args:
        items: rows with sku, location_id, supplier_id, category, abc.
        policies: ReorderPolicy rows.

    Returns:
        The items in their order with every wish (null: nobody stated it), `policy`, the rows that stated one, and
        is_own_service_level: the planner stated it of these goods, not of the shop at large; is_own_like_sku: of
        this SKU.
    """
    names = [tuple(key for key, value in row.items() if value is not None) for row in policies.select(KEYS).to_dicts()]
    ranked = sorted(set(names), key=lambda named: ("sku" not in named, -len(named), [KEYS.index(key) for key in named]))
    found = items
    for number, named in enumerate(ranked):
        wishes = policies.filter(pl.Series([each == named for each in names], dtype=pl.Boolean)).select(
            *named, *(pl.col(wish).alias(f"{wish}_{number}") for wish in WISHES)
        )
        if named:
            wishes = wishes.unique(named, keep="last", maintain_order=True)
            found = found.join(wishes, on=list(named), how="left", validate="m:1", maintain_order="left")
        else:
            found = found.join(wishes.tail(1), how="cross", maintain_order="left")
    schema = polars_schema(ReorderPolicy)
    if not ranked:
        return items.with_columns(
            pl.lit("").alias("policy"),
            pl.lit(False).alias("is_own_service_level"),
            pl.lit(False).alias("is_own_like_sku"),
            *(pl.lit(None, schema[wish]).alias(wish) for wish in WISHES),
        )

    def decides(number: int, wish: str) -> pl.Expr:
        silent = [pl.col(f"{wish}_{earlier}").is_null() for earlier in range(number)]
        return pl.all_horizontal(pl.col(f"{wish}_{number}").is_not_null(), *silent)

    def stated(wish: str, about: set[str]) -> pl.Expr:
        """Whether a row about one of these decides."""
        rows = [decides(number, wish) for number, named in enumerate(ranked) if about & {*named}]
        return pl.any_horizontal(pl.lit(False), *rows)

    deciding = [
        pl.when(pl.any_horizontal(decides(number, wish) for wish in WISHES)).then(
            pl.format(", ".join(f"{key}={{}}" for key in named), *named) if named else pl.lit("all")
        )
        for number, named in enumerate(ranked)
    ]
    return found.select(
        *items.columns,
        pl.concat_list(deciding).list.drop_nulls().list.join("; ").alias("policy"),
        stated("service_level", GOODS).alias("is_own_service_level"),
        stated("like_sku", {"sku"}).alias("is_own_like_sku"),
        *(pl.coalesce(f"{wish}_{number}" for number in range(len(ranked))).alias(wish) for wish in WISHES),
    )


def bought_from(
    products: pl.DataFrame, suppliers: pl.DataFrame, terms: pl.DataFrame, *, reporting_currency: str | None = None
) -> pl.DataFrame:
    """Choose the supplier of each product and its terms.

    Of the suppliers we know, the one with the lowest rank, then the product's own, then by name. What supplier_products
    says wins over products and suppliers.

    Args:
        products: Product rows.
        suppliers: Supplier rows.
        terms: SupplierProduct rows.
        reporting_currency: what a cost is in where nobody says.

    Returns:
        One row per product, ordered by SKU: sku, supplier_id (none: nobody sells it), supplier_name, is_named (a
        supplier is named, known or not), unit_cost, currency, pack_size, minimum_order_quantity, stated_days,
        order_weekdays, currencies_differ.
    """
    known = suppliers.select(
        "supplier_id",
        "order_weekdays",
        supplier_name="name",
        supplier_currency="currency",
        supplier_days="lead_time_days",
    )
    own = products.select("sku", "supplier_id").drop_nulls()
    offers = pl.concat(
        [
            terms.select(
                "sku",
                "supplier_id",
                "rank",
                their_cost="unit_cost",
                their_currency="currency",
                their_pack="pack_size",
                their_minimum="min_order_quantity",
                their_days="lead_time_days",
            ),
            own.join(terms, on=["sku", "supplier_id"], how="anti"),
        ],
        how="diagonal",
    )
    chosen = (
        offers.join(known, on="supplier_id", validate="m:1")
        .join(own.with_columns(is_own=pl.lit(True)), on=["sku", "supplier_id"], how="left", validate="m:1")
        .sort("sku", "rank", "is_own", "supplier_id", nulls_last=True)
        .unique("sku", keep="first", maintain_order=True)
    )
    named = offers.select("sku", is_named=pl.lit(True)).unique()
    theirs = pl.col("their_cost").is_not_null()
    our_currency = pl.coalesce("currency", "supplier_currency")
    return (
        products.drop("supplier_id")
        .join(chosen, on="sku", how="left", validate="1:1")
        .join(named, on="sku", how="left", validate="1:1")
        .select(
            "sku",
            "supplier_id",
            "supplier_name",
            pl.col("is_named").fill_null(False),
            unit_cost=pl.coalesce("their_cost", "unit_cost"),
            currency=pl.when(theirs)
            .then(pl.coalesce("their_currency", "supplier_currency", "currency"))
            .otherwise(our_currency)
            .fill_null(pl.lit(reporting_currency, pl.String)),
            pack_size=pl.coalesce("their_pack", "pack_size", pl.lit(1)),
            minimum_order_quantity=pl.coalesce("their_minimum", "min_order_quantity", pl.lit(0)),
            stated_days=pl.coalesce("their_days", "supplier_days"),
            order_weekdays="order_weekdays",
            currencies_differ=(
                pl.when(theirs)
                .then(pl.coalesce("their_currency", "supplier_currency", "currency"))
                .otherwise(our_currency)
                != pl.col("supplier_currency")
            ).fill_null(False),
        )
        .sort("sku")
    )
