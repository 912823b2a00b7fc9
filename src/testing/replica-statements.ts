import type { TcpAddress } from './tcp-proxy.js';

/** What a replica says about its replication. */
export interface ReplicaStatus {
  Slave_IO_Running: 'Yes' | 'No' | 'Connecting' | 'Preparing';
  Slave_SQL_Running: 'Yes' | 'No';
  Last_IO_Error: string;
  Last_SQL_Error: string;
  Gtid_IO_Pos: string;
  Gtid_Slave_Pos: string;
}

/** A primary that becomes a replica asks for what comes after its own last transaction. */
export const ADOPT_POSITION = 'SET GLOBAL gtid_slave_pos = @@GLOBAL.gtid_current_pos';

/** The command with which a replica ends its greeting and asks for the log (COM_BINLOG_DUMP). */
export function requestsLog(bytes: Buffer): boolean {
  return bytes[3] === 0 && bytes[4] === 0x12;
}

/** The statement that names where a replica streams from. */
export function changeMaster({ host, port }: TcpAddress): string {
  return (
    `CHANGE MASTER TO master_host = '${host}', master_port = ${port}, master_user = 'root', ` +
    `master_use_gtid = slave_pos, master_connect_retry = 1, master_heartbeat_period = 1`
  );
}
