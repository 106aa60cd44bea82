-- Out of the schema that the API sees; what calls it is told.
create schema private;
alter function public.handle_new_user() set schema private;
