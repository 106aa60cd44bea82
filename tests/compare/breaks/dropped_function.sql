-- expects: 42883 undefined_function: function public.default_username(jsonb, character varying) does not exist, in public.handle_new_user() line 3
drop function public.default_username (jsonb, text);
