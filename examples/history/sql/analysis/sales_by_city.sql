/*
title: Sales by city
description: What was sold into which city, as it was when the order came; a customer who moves takes no past orders along.
chart: {type: bar, x: city, y: amount}
exports: [csv]
*/
select coalesce(customer.city, 'unknown') as city, count(*) as orders, sum(fact.amount) as amount
from datawarehouse.fact_order as fact
join datawarehouse.dim_customer as customer on customer.dim_customer_key = fact.customer_key
group by customer.city
order by amount desc, city
