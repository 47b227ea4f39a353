/*
kind: calendar
from: 2024-01-01
to: 2024-12-31
*/
