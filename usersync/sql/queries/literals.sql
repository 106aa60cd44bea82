-- asks: is every fixed value one of its column's type?
-- It is run: only that tells whether a text is a value of an enum, a number or a date.
select {literals};
