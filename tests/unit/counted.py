"""How the Python tests here end: with `N passed, N failed`, as tools/count_tests.py reads it."""
import sys
import unittest


def main():
    """Runs the tests of the module that was started; its exit status."""
    program = unittest.main(exit=False, verbosity=2 if "-v" in sys.argv else 1, argv=sys.argv[:1])
    result = program.result
    wrong = result.failures + result.errors
    failed = len({getattr(case, "test_case", case).id() for case, _ in wrong})
    print(f"{result.testsRun - failed} passed, {failed} failed")
    return 1 if failed or not result.testsRun else 0
