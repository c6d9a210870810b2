-- $key: one of k_1k, k_1m, s_1k, s_1m
SELECT $key, count(*) AS n, sum(v1) AS v1_sum, avg(v2) AS v2_avg
FROM groups
GROUP BY $key
