-- does: takes a change that was undone out of the ledger, where the ledger still stands
{block}
