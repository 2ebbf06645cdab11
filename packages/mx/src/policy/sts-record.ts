/**
 * The id of an MTA-STS record among the TXT records of `_mta-sts.<domain>` (RFC 8461 §3.1); undefined where the domain
 * has none, or several, or one that is broken.
 */
export function stsId(records: readonly string[]): string | undefined {
  const ours = records.filter((record) => /^v=STSv1[ \t]*;/.test(record));
  const [record] = ours;
  if (record === undefined || ours.length > 1) return undefined;
  const fields = record.split(";").map((field) => field.trim()).slice(1);
  const ids = fields.flatMap((field) => /^id=([A-Za-z0-9]{1,32})$/.exec(field)?.[1] ?? []);
  return ids.length === 1 ? ids[0] : undefined;
}
