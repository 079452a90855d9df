-- Who changes a budget says at which instant: a trigger could only look at the clock again, which had gone on, so that nobody was told
-- of a window that ended in between.
DROP TRIGGER budget_crosses_thresholds ON core.budget;
-- squawk-ignore ban-drop-function
DROP FUNCTION core.tell_of_budget();
