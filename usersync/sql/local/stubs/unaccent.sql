-- unaccent in shape: it leaves the accents where they are.

create function unaccent(text) returns text language sql stable strict as $$ select $1 $$;
create function unaccent(dictionary regdictionary, word text) returns text language sql stable strict
as $$ select word $$;
