/**
 * The id of an MTA-STS record among the TXT records of `_mta-sts.<domain>` (RFC 8461 §3.1); undefined where the domain
 * has none, or several, or one that is broken.
 */
export function stsId(records: readonly string[]): string | undefined {
  const ours = records.filter((record) => /^v=STSv1[ \t]*;/.test(record));
  const [record] = ours;
  if (record === undefined || ours.length > 1) return undefined;
  const id = record.split(";").map((field) => field.trim()).find((field) => field.startsWith("id="));
  return /^id=([A-Za-z0-9]{1,32})$/.exec(id ?? "")?.[1];
}
