import { isOkPacket, stateOf, type Command, type MysqlConnection, type OkPacket } from '../connection.js';

/** What the server has said of a command so far. */
export class Answer {
  /** GTIDs of what it has committed, as the server writes them. */
  readonly gtids: string[] = [];
  /** Whether its last part had rows: what that has written, the server has not told. */
  endsWithRows = false;
  /** Whether it has changed rows, for all that is said of them. */
  hasChanged = false;

  /** Collects what comes of a command, before its caller sees it. */
  static of(command: Command, connection: MysqlConnection): Answer {
    const answer = new Answer();
    command.on('fields', (fields: unknown) => (answer.endsWithRows = fields !== undefined));
    command.on('result', (result: unknown) => {
      if (isOkPacket(result)) answer.note(result, connection);
    });
    return answer;
  }

  private note(packet: OkPacket, connection: MysqlConnection): void {
    const state = stateOf(connection);
    state.serverStatus = packet.serverStatus;
    const isUpdate = packet.info.includes('Changed:');
    if (Number(isUpdate ? packet.changedRows : packet.affectedRows) > 0) this.hasChanged = true;
    const gtid = takeGtids(packet);
    if (gtid) this.gtids.push(gtid);
  }
}

const SESSION_STATE_CHANGED = 0x4000;

/** The GTIDs of an OK packet, which its caller does not see: without us it would not have them. */
function takeGtids(packet: OkPacket): string | undefined {
  const { stateChanges } = packet;
  if (!stateChanges) return undefined;
  const { systemVariables, gtids } = stateChanges;
  const { last_gtid: gtid, ...others } = systemVariables;
  if (gtid === undefined && gtids.length === 0) return undefined;
  const hasOthers =
    Object.keys(others).length > 0 || stateChanges.schema !== null || stateChanges.trackStateChange !== null;
  if (hasOthers) packet.stateChanges = { ...stateChanges, systemVariables: others, gtids: [] };
  else {
    delete packet.stateChanges;
    packet.serverStatus &= ~SESSION_STATE_CHANGED;
  }
  return gtid ?? gtids.join(',');
}
