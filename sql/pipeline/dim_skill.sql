/*
kind: dimension
key: [skill]
unpivot: {into: skill, columns: [top_related_titles..column_11]}
distinct: true
*/
select top_related_titles, column_4, column_5, column_6, column_7, column_8, column_9, column_10, column_11
from staging."2019_free_title_data"
