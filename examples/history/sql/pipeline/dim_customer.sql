/*
kind: dimension
key: [customer_id]
history: [city, segment]
at: changed_on
unknown: {name: unknown}
checks:
  not_null: [name]
*/
select customer_id, name, city, segment, changed_on
from staging.customers
