-- One row in twelve passes, from all over the file: no row group can be skipped.
SELECT count(*) AS n, sum(l_quantity) AS quantity_sum, sum(l_extendedprice) AS price_sum, sum(l_tax) AS tax_sum,
       min(l_comment) AS comment_min, max(l_comment) AS comment_max
FROM lineitem
WHERE l_shipdate >= DATE '1994-01-01' AND l_shipdate < DATE '1996-01-01' AND l_discount BETWEEN 0.05 AND 0.07
