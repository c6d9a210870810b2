"""Tests of check.py: BENCH_PY -m unittest check_test (needs duckdb for the group-by)."""
import os
import tempfile
import unittest

import check


def folder(**files):
    d = tempfile.mkdtemp()
    for name, text in files.items():
        with open(os.path.join(d, name.replace("__", ".")), "w") as f:
            f.write(text)
    return d


class Cells(unittest.TestCase):
    def test_same(self):
        for a, b in [("x", "x"), ("1.0000000001", "1"), ("4.9E9", "4900000000.0"), ("2015-01-01 00:00:00", "2015-01-01"), ("1 ", "1")]:
            self.assertTrue(check.same_cell(a, b, 1e-9), (a, b))

    def test_other(self):
        for a, b in [("x", "y"), ("1.00001", "1"), ("4999999818267", "4999999818266"), ("", "0"), ("2015-01-02", "2015-01-01"), ("nan", "1")]:
            self.assertFalse(check.same_cell(a, b, 1e-9), (a, b))


class Small(unittest.TestCase):
    expected = folder(result__csv="region,n\nOulu,1\nPorto,2\n")

    def test_files_in_any_order(self):
        out = folder(a__csv="r,c\nPorto,2\n", b__csv="r,c\nOulu,1\n", _SUCCESS="{}")
        self.assertEqual(check.check_small(out, self.expected, None), "ok:2")

    def test_missing_or_other_rows(self):
        for text in ["r,c\nOulu,1\n", "r,c\nOulu,1\nPorto,3\n", "r,c\nOulu,1\nPorto,2\nPorto,2\n", ""]:
            self.assertTrue(check.check_small(folder(a__csv=text), self.expected, None).startswith("DIFFERENT"), text)


class Groups(unittest.TestCase):
    expected = folder(result__csv="k,n,s,a\na,1,2,0.5\nb,3,4,1.25\n")

    def test_same(self):
        for text in ["b,3,4,1.25\na,1,2,0.50000000000001\n", "key,n,s,a\na,1,2,0.5\nb,3,4,1.25\n"]:
            self.assertEqual(check.check_groups(folder(a__csv=text), self.expected, None), "ok:2", text)

    def test_other(self):
        for text in ["a,1,2,0.5\n", "a,1,2,0.5\nb,3,4,1.26\n", "a,1,2,0.5\nb,3,5,1.25\n", "a,1,2,0.5\nb,3,4,1.25\nb,3,4,1.25\n", "a,1,2,0.5\nc,3,4,1.25\n"]:
            self.assertTrue(check.check_groups(folder(a__csv=text), self.expected, None).startswith("DIFFERENT"), text)


if __name__ == "__main__":
    unittest.main()
