"""Choosing few combinations that contain every pair of values.

Most faults that depend on a configuration at all depend on two of its values, and a set that
contains every legal pair is far smaller than the product. Plain greedy choice: always the
combination that contains most pairs not seen yet, the first such one in the order of the product,
so the choice is the same on every machine.
"""
import itertools


def product(axes, legal):
    """All legal combinations, as dicts, in the order of the axes; the last axis varies first."""
    names = list(axes)
    combinations = (dict(zip(names, values)) for values in itertools.product(*axes.values()))
    return [combination for combination in combinations if legal(combination)]


def pairs_of(combination):
    """Every pair of (axis, value) in the combination."""
    return set(itertools.combinations(sorted(combination.items(), key=lambda item: item[0]), 2))


def cover(combinations, covered=()):
    """Combinations that together contain every pair of all of them, but for those `covered`."""
    missing = set().union(*map(pairs_of, combinations)) if combinations else set()
    missing -= set(covered)
    chosen = []
    while missing:
        best = max(combinations, key=lambda each: len(pairs_of(each) & missing))
        chosen.append(best)
        missing -= pairs_of(best)
    return chosen
