"""Faults to plant in a copy of the template, by theme: the tests must see each (`make mutants`)."""

from support.mutants import (
    adopt,
    autogenerate,
    base,
    history,
    house,
    losses,
    onboarding,
    ownership,
    update,
    upgrade,
)

FAULTS = [
    *base.FAULTS,
    *upgrade.FAULTS,
    *ownership.FAULTS,
    *losses.FAULTS,
    *autogenerate.FAULTS,
    *history.FAULTS,
    *adopt.FAULTS,
    *onboarding.FAULTS,
    *house.FAULTS,
    *update.FAULTS,
]
