-- The star by hand: what somebody who knows PostgreSQL would write for the same tables.
begin;
create schema hand;

create table hand.dim_part as
select row_number() over (order by p_partkey) as part_key, p_partkey, p_name, p_brand, p_type, p_size
from staging.part;
insert into hand.dim_part (part_key) values (0);
alter table hand.dim_part add primary key (part_key);
create unique index on hand.dim_part (p_partkey);
analyze hand.dim_part;

create table hand.dim_supplier as
select row_number() over (order by s_suppkey) as supplier_key, s_suppkey, s_name, s_acctbal
from staging.supplier;
insert into hand.dim_supplier (supplier_key) values (0);
alter table hand.dim_supplier add primary key (supplier_key);
create unique index on hand.dim_supplier (s_suppkey);
analyze hand.dim_supplier;

create table hand.dim_mode as
select row_number() over (order by mode collate "C") as mode_key, mode, is_fast from staging.mode;
insert into hand.dim_mode (mode_key) values (0);
alter table hand.dim_mode add primary key (mode_key);
create unique index on hand.dim_mode (mode);
analyze hand.dim_mode;

create table hand.dim_date as
select to_char(day, 'YYYYMMDD')::bigint as date_key, day::date as date, extract(year from day)::int as year,
    extract(month from day)::int as month
from generate_series(date '1992-01-01', date '1998-12-31', interval '1 day') as day;
insert into hand.dim_date (date_key) values (0);
alter table hand.dim_date add primary key (date_key);
create unique index on hand.dim_date (date);
analyze hand.dim_date;

create table hand.fact_line as
select l.l_orderkey, l.l_linenumber, coalesce(p.part_key, 0) as part_key, coalesce(s.supplier_key, 0) as supplier_key,
    coalesce(m.mode_key, 0) as mode_key, coalesce(d.date_key, 0) as ship_date_key, l.l_quantity, l.l_extendedprice,
    l.l_discount, l.l_tax, l._load_id, l._line
from staging.lineitem l
left join hand.dim_part p on p.p_partkey = l.l_partkey
left join hand.dim_supplier s on s.s_suppkey = l.l_suppkey
left join hand.dim_mode m on m.mode = l.l_shipmode
left join hand.dim_date d on d.date = l.l_shipdate;
alter table hand.fact_line add primary key (l_orderkey, l_linenumber);
create index on hand.fact_line (part_key);
create index on hand.fact_line (supplier_key);
create index on hand.fact_line (mode_key);
create index on hand.fact_line (ship_date_key);
alter table hand.fact_line add foreign key (part_key) references hand.dim_part;
alter table hand.fact_line add foreign key (supplier_key) references hand.dim_supplier;
alter table hand.fact_line add foreign key (mode_key) references hand.dim_mode;
alter table hand.fact_line add foreign key (ship_date_key) references hand.dim_date;
analyze hand.fact_line;
commit;
