SELECT dim.region, count(*) AS n, sum(fact.amount) AS amount_sum
FROM fact JOIN dim ON fact.key = dim.key
GROUP BY dim.region
ORDER BY dim.region
