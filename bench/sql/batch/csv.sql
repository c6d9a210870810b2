SELECT count(*) AS n,
       count(id) AS id_n, sum(id) AS id_sum, min(id) AS id_min, max(id) AS id_max,
       count(account) AS account_n, sum(account) AS account_sum, min(account) AS account_min, max(account) AS account_max,
       count(quantity) AS quantity_n, sum(quantity) AS quantity_sum, min(quantity) AS quantity_min, max(quantity) AS quantity_max,
       count(price) AS price_n, sum(price) AS price_sum, min(price) AS price_min, max(price) AS price_max,
       count(discount) AS discount_n, sum(discount) AS discount_sum, min(discount) AS discount_min, max(discount) AS discount_max,
       count(weight) AS weight_n, sum(weight) AS weight_sum, min(weight) AS weight_min, max(weight) AS weight_max,
       count(status) AS status_n, min(status) AS status_min, max(status) AS status_max,
       count(customer) AS customer_n, min(customer) AS customer_min, max(customer) AS customer_max,
       count(note) AS note_n, min(note) AS note_min, max(note) AS note_max,
       count(created) AS created_n, min(created) AS created_min, max(created) AS created_max
FROM orders
