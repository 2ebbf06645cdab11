export type { Authority, CertificateOptions, TestCertificate } from "./certificate/certificate.ts";
export { testAuthority, testCertificate } from "./certificate/certificate.ts";
