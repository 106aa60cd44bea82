-- does: what may follow the sign-up of a canary
if input ->> 'then' = {step} then
{statements}
end if;
