/*
kind: fact
grain: [order_id]
at: ordered_on
dimensions:
  customer_id: {dimension: dim_customer, role: customer}
  payer_id: {dimension: dim_customer, role: payer}
  product: {dimension: dim_product, missing: infer}
  ordered_on: {dimension: dim_date, role: ordered}
  paid_on: {dimension: dim_date, role: paid}
checks:
  range: {quantity: [1, 1000]}
*/
select order_id, customer_id, payer_id, product, ordered_on, paid_on, quantity, amount
from staging.orders
