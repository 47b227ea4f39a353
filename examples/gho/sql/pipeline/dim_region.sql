/*
kind: dimension
key: [region_code]
at: _load_id
unknown: {region: unknown}
*/
select parentlocationcode as region_code, parentlocation as region
from staging.gho_life_expectancy
where spatialdimtype = 'COUNTRY' and parentlocationcode is not null
