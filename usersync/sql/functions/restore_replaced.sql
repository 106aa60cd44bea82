-- does: puts back the app's trigger whose place ours took, and its function where that is gone
declare
    names_in constant text := current_setting('search_path');
begin
    -- As the catalog printed it: names without a schema were found there then.
    perform set_config('search_path', {search_path}, true);
    if to_regprocedure({function_text}) is null then
        execute {function_definition};
    end if;
    execute {trigger_definition};
    perform set_config('search_path', names_in, true);
end
