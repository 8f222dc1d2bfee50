"""How the numbers and words of reports and audits read."""

from decimal import ROUND_HALF_UP, Decimal

from django import template

from nlp import catalog

register = template.Library()


@register.filter
def percent(value: Decimal | None) -> str:
    """A share from 0 to 1 in percent with at most one decimal: 96 %, 87.5 %."""
    if value is None:
        return "–"
    tenths = (value * 100).quantize(Decimal("0.1"), ROUND_HALF_UP)
    return f"{tenths:f}".removesuffix(".0") + " %"


@register.filter
def dollars(value: Decimal | None) -> str:
    """An estimate in whole cents with its sign: +$1,234.56, −$0.50, $0.00. Halves go away from zero."""
    if value is None:
        return "–"
    sign = "+" if value.quantize(Decimal("0.01"), ROUND_HALF_UP) > 0 else ""
    return sign + cost(value)


@register.filter
def cost(value: Decimal) -> str:
    """An amount in whole cents: $1,234.56. Halves go away from zero."""
    cents = value.quantize(Decimal("0.01"), ROUND_HALF_UP)
    return f"{'−' if cents < 0 else ''}${abs(cents):,.2f}"


@register.filter
def mid_sentence(words: str) -> str:
    """Words that go on a sentence: "Mention only, no MEAT" reads "mention only, no MEAT"."""
    return words[:1].lower() + words[1:]


@register.filter
def family_label(name: str) -> str:
    """A condition family in words: ckd reads "Chronic kidney disease"."""
    family = catalog.load().families.get(name)
    return family.label if family else {"manual": "Added by hand"}.get(name, name.replace("_", " ").capitalize())
