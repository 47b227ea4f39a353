/*
kind: dimension
key: [product]
unknown: {title: unknown}
*/
select product, title, price
from staging.products
