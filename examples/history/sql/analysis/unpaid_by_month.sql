/*
title: Unpaid orders
description: What is not paid, by the month of the order and the product's title.
exports: [csv]
*/
select ordered.year_month as month, coalesce(product.title, product.product) as product, sum(fact.amount) as amount
from datawarehouse.fact_order as fact
join datawarehouse.dim_date as ordered on ordered.dim_date_key = fact.ordered_key
join datawarehouse.dim_product as product on product.dim_product_key = fact.product_key
where fact.paid_key = 0
group by ordered.year_month, coalesce(product.title, product.product)
order by month, product
