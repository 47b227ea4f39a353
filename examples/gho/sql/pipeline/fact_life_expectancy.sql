/*
kind: fact
grain: [country, sex, year]
dimensions:
  country: dim_country
  region: dim_region
  sex: dim_sex
  year: dim_year
checks:
  not_null: [value]
  range: {value: [10, 100]}
  sql: select country_key, sex_key, year_key from this where low > value or high < value
*/
select
    spatialdim as country,
    parentlocationcode as region,
    dim1 as sex,
    timedim as year,
    numericvalue as value,
    low,
    high
from staging.gho_life_expectancy
where spatialdimtype = 'COUNTRY' and dim1type = 'SEX' and timedimtype = 'YEAR'
